/* Classify images with a compiled network: the five best classes of each, and where the time went.
 *
 *     cc classify.c $(pkg-config --cflags --libs baryon_runtime) -o classify
 *     ./classify model.baryon images.raw
 *
 * The network has one float32 input, of images one behind the other, and one float32 output, a row
 * of scores for each. images.raw holds the elements as they lie in memory (NumPy: x.tofile(path)).
 * Where the artifact takes any batch (baryon compile --dynamic-batch), the file's size says how
 * many there are.
 */
#include <baryon/runtime.h>
#include <stdio.h>
#include <stdlib.h>

enum { BEST = 5 };

static void check(bry_status status, const char* what) {
  if (status == BRY_OK) return;
  fprintf(stderr, "%s: %s: %s\n", what, bry_status_name(status), bry_last_error());
  exit(1);
}

static void refuse(const char* what, const char* why) {
  fprintf(stderr, "%s: %s\n", what, why);
  exit(1);
}

/* All of a file. */
static float* read_floats(const char* path, size_t* count) {
  FILE* file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END) != 0) refuse(path, "cannot be opened");
  const long bytes = ftell(file);
  float* data = malloc(bytes > 0 ? (size_t)bytes : 1);
  rewind(file);
  if (!data || fread(data, 1, (size_t)bytes, file) != (size_t)bytes) refuse(path, "cannot be read");
  fclose(file);
  *count = (size_t)bytes / sizeof *data;
  return data;
}

static size_t elements(const int64_t* shape, uint32_t first, uint32_t ndim) {
  size_t count = 1;
  for (uint32_t i = first; i < ndim; ++i) count *= (size_t)shape[i];
  return count;
}

/* The shape of the input for so many elements: its first dimension may be any in a range. */
static void choose_shape(const bry_port* port, size_t count, int64_t* shape) {
  for (uint32_t i = 0; i < port->ndim; ++i) shape[i] = port->dims[i].min;
  const size_t image = elements(shape, 1, port->ndim);
  shape[0] = (int64_t)(count / image);
  if (count % image != 0 || shape[0] < port->dims[0].min || shape[0] > port->dims[0].max) {
    fprintf(stderr, "%zu elements: expected %lld to %lld images of %zu\n", count,
            (long long)port->dims[0].min, (long long)port->dims[0].max, image);
    exit(1);
  }
}

/* The greatest first; scores are overwritten. */
static void print_best(size_t image, float* scores, size_t classes) {
  printf("image %zu:", image);
  for (int rank = 0; rank < BEST && rank < (int)classes; ++rank) {
    size_t best = 0;
    for (size_t i = 1; i < classes; ++i)
      if (scores[i] > scores[best]) best = i;
    printf(" %zu (%.6g)", best, scores[best]);
    scores[best] = -1.0f / 0.0f;
  }
  printf("\n");
}

static void print_profile(bry_executable* network, const bry_tensor* in, const bry_tensor* out) {
  const uint32_t calls = bry_call_count(network);
  uint64_t* nanoseconds = calloc(calls + 1, sizeof *nanoseconds);
  if (!nanoseconds) refuse("profile", "no memory");
  check(bry_profile(network, in, 1, out, 1, nanoseconds), "bry_profile");
  for (uint32_t i = 0; i < calls; ++i)
    printf("%10.3f us  %s\n", (double)nanoseconds[i] / 1e3, bry_call_name(network, i));
  free(nanoseconds);
}

int main(int argc, char** argv) {
  if (argc != 3) return fprintf(stderr, "use: %s MODEL.baryon IMAGES.raw\n", argv[0]), 2;

  bry_executable* network = NULL;
  check(bry_load_file(argv[1], NULL, &network), argv[1]);

  bry_port port = {.struct_size = sizeof port}, scores = {.struct_size = sizeof scores};
  check(bry_input(network, 0, &port), "input");
  check(bry_output(network, 0, &scores), "output");
  if (bry_input_count(network) != 1 || bry_output_count(network) != 1 || port.ndim == 0 ||
      scores.ndim != 2 || scores.dtype.code != BRY_FLOAT || scores.dtype.bits != 32)
    refuse(argv[1], "expected one input, and one float32 output (images, classes)");

  size_t count;
  int64_t in_shape[BRY_MAX_NDIM], out_shape[BRY_MAX_NDIM];
  float* images = read_floats(argv[2], &count);
  choose_shape(&port, count, in_shape);
  const bry_tensor in = {images, bry_float32, port.ndim, in_shape, NULL};
  check(bry_output_shape(network, &in, 1, 0, out_shape), "bry_output_shape");
  float* rows = malloc(elements(out_shape, 0, 2) * sizeof *rows);
  const bry_tensor out = {rows, bry_float32, 2, out_shape, NULL};
  if (!rows) refuse("scores", "no memory");

  print_profile(network, &in, &out);
  check(bry_run(network, &in, 1, &out, 1), "bry_run");
  for (int64_t i = 0; i < out_shape[0]; ++i)
    print_best((size_t)i, rows + i * out_shape[1], (size_t)out_shape[1]);

  free(images);
  free(rows);
  bry_close(network);
}
