// Kernels of the tests' networks, by hand: what the compiler's code looks like to the runtime.
#include <stdint.h>

typedef struct {
  void* data;
  int32_t device[2];
  int32_t ndim;
  uint8_t code, bits;
  uint16_t lanes;
  int64_t *shape, *strides;
  uint64_t byte_offset;
} Tensor;

typedef struct {
  int32_t type_index;
  uint32_t padding;
  Tensor* tensor;
} Arg;

typedef struct {
  void* sync;
  int32_t num_task;
} Env;

typedef int (*Body)(int task, Env* env, void* closure);

// The runtime fills these in; the linker script puts them into the data part.
#define IMPORT __attribute__((visibility("hidden"), section(".data.import")))
IMPORT int (*volatile parallel_launch)(Body, void*, int);
IMPORT void* (*volatile alloc_workspace)(int, int, uint64_t, int, int);
IMPORT int (*volatile free_workspace)(int, int, void*);
IMPORT void (*volatile raise_error)(const char*, const char**, int32_t);
IMPORT float (*volatile exp_float)(float);
// A pointer to the artifact's own constants.
IMPORT const float* volatile table;

__attribute__((visibility("hidden"))) const float constants[4] = {0.5f, 1.5f, 2.5f, 3.5f};

static int fail(const char* message) {
  const char* parts[] = {message, 0, "."};
  raise_error("ValueError", parts, 3);
  return -1;
}

static int64_t size(const Tensor* tensor) {
  int64_t elements = 1;
  for (int32_t i = 0; i < tensor->ndim; ++i) elements *= tensor->shape[i];
  return elements;
}

typedef struct {
  const float *x, *w;
  float* y;
  int64_t rows, columns;
  int64_t step;  // from row to row of y
} Rows;

static int scale_rows(int task, Env* env, void* closure) {
  Rows* r = closure;
  const int64_t first = r->rows * task / env->num_task;
  const int64_t last = r->rows * (task + 1) / env->num_task;
  for (int64_t i = first; i < last; ++i)
    for (int64_t j = 0; j < r->columns; ++j)
      r->y[i * r->step + j] = r->x[i * r->columns + j] * r->w[j];
  return 0;
}

// y[n, j] = x[n, j] * w[j] in parallel; y may have gaps between its rows.
int32_t scale(void* self, const Arg* args, int32_t count, void* result) {
  const Tensor *x = args[0].tensor, *w = args[1].tensor, *y = args[2].tensor;
  if (count != 3 || y->shape[0] != x->shape[0]) return fail("scale: shapes differ");
  Rows rows = {x->data, w->data, y->data, x->shape[0], size(w), size(w)};
  if (y->strides) rows.step = y->strides[0];
  return parallel_launch(scale_rows, &rows, 0);
}

// y = exp(x) + constants[3]
int32_t exponential(void* self, const Arg* args, int32_t count, void* result) {
  const float* x = args[0].tensor->data;
  float* y = args[1].tensor->data;
  const int64_t n = size(args[0].tensor);
  for (int64_t i = 0; i < n; ++i) y[i] = exp_float(x[i]) + table[3];
  return 0;
}

// Any dtype.
int32_t copy(void* self, const Arg* args, int32_t count, void* result) {
  const Tensor *x = args[0].tensor, *y = args[1].tensor;
  const int64_t bytes = size(x) * x->bits / 8;
  for (int64_t i = 0; i < bytes; ++i) ((char*)y->data)[i] = ((const char*)x->data)[i];
  return 0;
}

// x, room for as many numbers, how many are positive: those in order.
int32_t positive(void* self, const Arg* args, int32_t count, void* result) {
  const Tensor *x = args[0].tensor, *y = args[1].tensor;
  int64_t found = 0;
  for (int64_t i = 0; i < size(x); ++i)
    if (((const float*)x->data)[i] > 0) ((float*)y->data)[found++] = ((const float*)x->data)[i];
  *(int64_t*)args[2].tensor->data = found;
  return 0;
}

// The same arguments, but it says that there are x[0], and writes none.
int32_t claim(void* self, const Arg* args, int32_t count, void* result) {
  *(int64_t*)args[2].tensor->data = (int64_t)((const float*)args[0].tensor->data)[0];
  return 0;
}

// copy after some tenths of a second.
int32_t linger(void* self, const Arg* args, int32_t count, void* result) {
  for (volatile int64_t i = 0; i < 100000000; ++i) continue;
  return copy(self, args, count, result);
}

int32_t refuse(void* self, const Arg* args, int32_t count, void* result) {
  return fail("refuse: as always");
}

static int refuse_task(int task, Env* env, void* closure) {
  alloc_workspace(1, 0, 4096, 2, 32);  // not given back
  return task == env->num_task - 1 ? fail("refuse: one task") : 0;
}

int32_t refuse_in_task(void* self, const Arg* args, int32_t count, void* result) {
  return parallel_launch(refuse_task, 0, 7);
}

typedef struct {
  float* out;
  int task;
} Inner;

static int add_one(int task, Env* env, void* closure) {
  Inner* inner = closure;
  inner->out[inner->task] += 1;
  return 0;
}

static int workspace_task(int task, Env* env, void* closure) {
  const int64_t n = 1 << 14;
  float* a = alloc_workspace(1, 0, n * sizeof(float), 2, 32);
  float* b = alloc_workspace(1, 0, 100, 2, 32);
  if (!a || !b || ((uintptr_t)a | (uintptr_t)b) % 64) return fail("workspace: not aligned");
  for (int64_t i = 0; i < n; ++i) a[i] = task;
  b[0] = task;
  Inner inner = {closure, task};
  ((float*)closure)[task] = a[n - 1] + b[0];
  if (parallel_launch(add_one, &inner, 5)) return -1;
  if (free_workspace(1, 0, b)) return -1;
  return free_workspace(1, 0, a);
}

// y[i] = 2 * i + 5 for i in 0 .. 99: 100 tasks, each with workspace and a launch inside.
int32_t nested(void* self, const Arg* args, int32_t count, void* result) {
  return parallel_launch(workspace_task, args[0].tensor->data, 100);
}

static int nothing(int task, Env* env, void* closure) { return 0; }

// For timing: a launch, or not even that.
int32_t launch_only(void* self, const Arg* args, int32_t count, void* result) {
  return parallel_launch(nothing, 0, 0);
}

int32_t empty(void* self, const Arg* args, int32_t count, void* result) { return 0; }
