/* Run a compiled network from C and print its largest output value.
 *
 *     cc run_artifact.c -lbaryon_runtime -o run_artifact
 *     ./run_artifact model.baryon input.raw
 *
 * input.raw holds the first input's elements in row-major order; symbolic sizes are at their least.
 */
#include <baryon/runtime.h>
#include <stdio.h>
#include <stdlib.h>

static int fail(const char* what) {
  fprintf(stderr, "%s: %s\n", what, bry_last_error());
  return 1;
}

/* Memory for an input with its symbols at their least; its shape goes to `shape`. */
static bry_tensor allocate(const bry_port* port, int64_t shape[BRY_MAX_NDIM], size_t* bytes) {
  *bytes = port->dtype.bits / 8;
  for (uint32_t i = 0; i < port->ndim; ++i) {
    shape[i] = port->dims[i].min;
    *bytes *= (size_t)shape[i];
  }
  return (bry_tensor){malloc(*bytes), port->dtype, port->ndim, shape, NULL};
}

int main(int argc, char** argv) {
  if (argc != 3) return fprintf(stderr, "use: %s MODEL.baryon INPUT.raw\n", argv[0]), 2;

  bry_executable* network = NULL;
  if (bry_load_file(argv[1], NULL, &network) != BRY_OK) return fail(argv[1]);

  bry_port port = {.struct_size = sizeof port};
  int64_t in_shape[BRY_MAX_NDIM], out_shape[BRY_MAX_NDIM];
  size_t in_bytes, out_bytes;
  if (bry_input(network, 0, &port) != BRY_OK) return fail("input 0");
  bry_tensor input = allocate(&port, in_shape, &in_bytes);
  if (bry_output(network, 0, &port) != BRY_OK) return fail("output 0");
  bry_tensor output = allocate(&port, out_shape, &out_bytes);

  FILE* file = fopen(argv[2], "rb");
  if (!file || fread(input.data, 1, in_bytes, file) != in_bytes)
    return fprintf(stderr, "%s: cannot read %zu bytes\n", argv[2], in_bytes), 1;
  fclose(file);

  if (bry_run(network, &input, 1, &output, 1) != BRY_OK) return fail("run");

  const float* scores = output.data; /* of a float32 output */
  size_t best = 0;
  for (size_t i = 1; i < out_bytes / sizeof *scores; ++i)
    if (scores[i] > scores[best]) best = i;
  printf("%zu %g\n", best, scores[best]);

  free(input.data);
  free(output.data);
  bry_close(network);
}
