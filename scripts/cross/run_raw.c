/* Run an artifact once: run_raw NET.baryon INPUT... OUTPUT...
 *
 * Files hold the elements of one input or output each, row-major, in the order of the artifact's.
 * Every shape must be fixed. Status 0, or 1 with one line on stderr. */
#include <baryon/runtime.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_PORTS = 64 };

typedef struct {
  bry_tensor tensor;
  int64_t shape[BRY_MAX_NDIM];
  size_t bytes;
} Port;

typedef bry_status (*Query)(const bry_executable*, uint32_t, bry_port*);

static void stop(const char* what, const char* why) {
  fprintf(stderr, "%s: %s\n", what, why);
  exit(1);
}

static void prepare(Port* ports, uint32_t count, Query query, const bry_executable* net) {
  for (uint32_t i = 0; i < count; ++i) {
    bry_port port;
    port.struct_size = sizeof port;
    if (query(net, i, &port) != BRY_OK) stop("port", bry_last_error());
    size_t elements = 1;
    for (uint32_t k = 0; k < port.ndim; ++k) {
      if (port.dims[k].symbol != NULL) stop(port.name, "its shape is not fixed");
      elements *= (size_t)(ports[i].shape[k] = port.dims[k].min);
    }
    ports[i].bytes = elements * port.dtype.bits / 8;
    ports[i].tensor =
        (bry_tensor){malloc(ports[i].bytes + 1), port.dtype, port.ndim, ports[i].shape, NULL};
    if (ports[i].tensor.data == NULL) stop(port.name, "no memory");
  }
}

static void move(Port* port, const char* path, int is_input) {
  FILE* file = fopen(path, is_input ? "rb" : "wb");
  if (file == NULL) stop(path, "cannot be opened");
  const size_t moved = is_input ? fread(port->tensor.data, 1, port->bytes, file)
                                : fwrite(port->tensor.data, 1, port->bytes, file);
  if (moved != port->bytes || fclose(file) != 0) stop(path, "has the wrong size");
}

int main(int argc, char** argv) {
  static Port inputs[MAX_PORTS], outputs[MAX_PORTS];
  static bry_tensor in[MAX_PORTS], out[MAX_PORTS];
  bry_executable* net = NULL;
  bry_options options = {.struct_size = sizeof options, .threads = 2};
  if (argc < 2) stop(argv[0], "name an artifact");
  if (bry_load_file(argv[1], &options, &net) != BRY_OK) stop(argv[1], bry_last_error());
  const uint32_t ins = bry_input_count(net), outs = bry_output_count(net);
  if (ins > MAX_PORTS || outs > MAX_PORTS || (uint32_t)argc != 2 + ins + outs)
    stop(argv[1], "needs one file for each input and output");
  prepare(inputs, ins, bry_input, net);
  prepare(outputs, outs, bry_output, net);
  for (uint32_t i = 0; i < ins; ++i) move(&inputs[i], argv[2 + i], 1);
  for (uint32_t i = 0; i < ins; ++i) in[i] = inputs[i].tensor;
  for (uint32_t i = 0; i < outs; ++i) out[i] = outputs[i].tensor;
  if (bry_run(net, in, ins, out, outs) != BRY_OK) stop("run", bry_last_error());
  for (uint32_t i = 0; i < outs; ++i) move(&outputs[i], argv[2 + ins + i], 0);
  bry_close(net);
  return 0;
}
