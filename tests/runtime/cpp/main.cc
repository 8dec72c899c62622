#include <cstring>

#include "check.h"

int main(int argc, char** argv) {
  if (argc < 2) return fprintf(stderr, "use: driver FOLDER [bench]\n"), 2;
  if (argc > 2 && strcmp(argv[2], "bench") == 0) return bench(argv[1]), 0;
  test_units();
  test_pool();
  test_artifacts(argv[1]);
  puts("all passed");
}
