/* baryon runtime: load a compiled network and run it.
 *
 *     bry_executable* net = NULL;
 *     if (bry_load_file("model.baryon", NULL, &net) != BRY_OK) return puts(bry_last_error()), 1;
 *     int64_t in_shape[4] = {1, 3, 224, 224}, out_shape[2] = {1, 1000};
 *     bry_tensor in = {image, bry_float32, 4, in_shape, NULL};
 *     bry_tensor out = {scores, bry_float32, 2, out_shape, NULL};
 *     if (bry_run(net, &in, 1, &out, 1) != BRY_OK) puts(bry_last_error());
 *     bry_close(net);
 *
 * This header is the whole interface, for C99, C++, and every language that can call C. It needs
 * <stddef.h> and <stdint.h>; everything in it is plain data and functions. No exception leaves the
 * library, nothing in it prints or ends the process, and no signal handler is set.
 *
 * Growth: structs that may grow start with `struct_size`, which the caller sets to sizeof. Of a
 * struct to be filled the library writes no more than that. In a struct that it reads, fields
 * behind the caller's struct_size count as 0, their default; fields that the library does not know
 * yet must be 0, otherwise the call is refused: no wish is ignored in silence. Additions leave
 * BRY_ABI_VERSION as it is; a change or removal raises it, and it is part of the library's soname.
 *
 * Threads: every function may be called from any thread, and all of them but bry_close,
 * bry_session_run and bry_session_close on one object from several threads at the same time. Runs
 * of one executable at the same time share its weights; each has working memory of its own
 * (bry_sizes.arena_bytes), which is kept for later runs. Executables with the same number of
 * threads share one pool of threads in the process. How many threads there are changes no bit of a
 * result. After fork() a child may not use what its parent loaded: it should load again.
 *
 * Memory: what the caller passes stays the caller's, and is not looked at after the call. What the
 * library returns lives as long as the executable, unless it says otherwise.
 *
 * An artifact holds machine code: load only files whose author you trust. The library refuses
 * damaged files; whose a file is it can tell where it is signed (bry_options.public_keys).
 */
#ifndef BARYON_RUNTIME_H_
#define BARYON_RUNTIME_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Generators of bindings may define it as nothing: then no compiler's extension is left here. */
#ifndef BRY_API
#define BRY_API __attribute__((visibility("default")))
#endif

/* ---- Version ------------------------------------------------------------------------------- */

#define BRY_VERSION_MAJOR 0
#define BRY_VERSION_MINOR 1
#define BRY_VERSION_PATCH 0

/* The library's own version: major << 16 | minor << 8 | patch. */
BRY_API uint32_t bry_version(void);

/* The version of this interface, of the header and of the library: compare them where the library
 * may be another than the one compiled against, as with dlopen. */
#define BRY_ABI_VERSION 1
BRY_API uint32_t bry_abi_version(void);

/* The one version of the artifact format that this library reads. */
BRY_API uint32_t bry_format_version(void);

/* ---- Status -------------------------------------------------------------------------------- */

/* What a call returns. On anything but BRY_OK, bry_last_error() says what happened. */
typedef int32_t bry_status;
enum {
  BRY_OK = 0,
  BRY_INVALID_ARGUMENT = 1, /* a null pointer, an index out of range, a bad struct_size */
  BRY_IO = 2,               /* the file cannot be opened or mapped */
  BRY_BAD_ARTIFACT = 3,     /* not an artifact, another version, or damaged */
  BRY_UNSUPPORTED_CPU = 4,  /* the CPU lacks instructions that the code needs; the message names
                               them for every build in the artifact */
  BRY_BAD_INPUT = 5, /* a tensor's dtype, shape, strides or memory is not what the network takes */
  BRY_KERNEL_FAILED = 6, /* compiled code reported an error */
  BRY_OUT_OF_MEMORY = 7,
  BRY_INTERNAL = 8,
  BRY_UNTRUSTED = 9 /* no good signature by a required key, or none can be checked here */
};

/* "BRY_BAD_INPUT" and so on, for messages and logs; "?" for a number that is no status. */
BRY_API const char* bry_status_name(bry_status status);

/* The message of the last call that failed in this thread; "" before any. Valid until this thread's
 * next failing call. UTF-8. */
BRY_API const char* bry_last_error(void);

/* ---- Load ---------------------------------------------------------------------------------- */

typedef struct bry_executable bry_executable;

typedef struct bry_options {
  uint32_t struct_size;    /* sizeof(bry_options) */
  uint32_t threads;        /* that one run may use, the caller's included; 0: the CPUs that this
                              process may use (affinity and cgroup limits). At most 1024. */
  uint32_t verify_weights; /* not 0: check the weights' hash now, as bry_verify does */
  uint32_t spin_us;        /* how long an idle thread waits awake for the next kernel; 0: default */
  const char* variant;     /* which of the artifact's builds to run (bry_variant_name); NULL: where
                              there are several, the one that the environment variable
                              BARYON_VARIANT names, else the first that this CPU can execute */
  const char* public_keys; /* not NULL: PEM text with one or more Ed25519 public keys, one of which
                              must have signed the artifact; then the weights' hash is checked too.
                              Needs OpenSSL's libcrypto, which is loaded for it. */
} bry_options;

/* Map and check the file at `path`; it must not be modified while it is loaded (replacing it by
 * rename is fine). `options` may be NULL. */
BRY_API bry_status bry_load_file(const char* path, const bry_options* options,
                                 bry_executable** executable);

/* The same for `bytes` bytes at `data`, which are copied. */
BRY_API bry_status bry_load_memory(const void* data, uint64_t bytes, const bry_options* options,
                                   bry_executable** executable);

/* Check the hash of every section of a file, and, where `public_keys` is not NULL, its signature as
 * bry_load_file does. The CPU need not be one that can run it. */
BRY_API bry_status bry_verify_file(const char* path, const char* public_keys);

/* Release everything. No other call on this executable may be under way. NULL is fine. */
BRY_API void bry_close(bry_executable* executable);

/* ---- Inputs and outputs -------------------------------------------------------------------- */

#define BRY_MAX_NDIM 16

/* An element's type, as DLPack has it: a kind of number and its width. bool has 8 bits. Elements of
 * fewer than 8 bits have a byte each, whose lowest bits they are. */
enum {
  BRY_INT = 0,
  BRY_UINT = 1,
  BRY_FLOAT = 2,
  BRY_BFLOAT = 4,
  BRY_BOOL = 6,
  BRY_FLOAT8_E4M3FN = 10,
  BRY_FLOAT8_E4M3FNUZ = 11,
  BRY_FLOAT8_E5M2 = 12,
  BRY_FLOAT8_E5M2FNUZ = 13,
  BRY_FLOAT8_E8M0FNU = 14,
  BRY_FLOAT6_E2M3FN = 15,
  BRY_FLOAT6_E3M2FN = 16,
  BRY_FLOAT4_E2M1FN = 17
};

typedef struct bry_dtype {
  uint8_t code; /* BRY_INT, ... */
  uint8_t bits;
  uint16_t lanes; /* 1 */
} bry_dtype;

static const bry_dtype bry_float32 = {BRY_FLOAT, 32, 1};
static const bry_dtype bry_bfloat16 = {BRY_BFLOAT, 16, 1};
static const bry_dtype bry_int8 = {BRY_INT, 8, 1};
static const bry_dtype bry_int32 = {BRY_INT, 32, 1};
static const bry_dtype bry_int64 = {BRY_INT, 64, 1};
static const bry_dtype bry_uint8 = {BRY_UINT, 8, 1};
static const bry_dtype bry_bool = {BRY_BOOL, 8, 1};

/* One dimension. symbol NULL: the size is fixed, min == max. Otherwise it is factor * (the symbol's
 * value), from min to max: a batch is a symbol with factor 1, for example. A symbol takes its value
 * from the shapes of a run's inputs; it is the same wherever its name stands. One in outputs alone
 * is counted by the run (how many elements are not zero, say): see bry_run_shapes. */
typedef struct bry_dim {
  int64_t min, max;
  int64_t factor;
  const char* symbol;
} bry_dim;

/* What an input or output looks like. Pointers live as long as the executable. */
typedef struct bry_port {
  uint32_t struct_size; /* sizeof(bry_port) */
  uint32_t ndim;
  const char* name;
  bry_dtype dtype;
  bry_dim dims[BRY_MAX_NDIM];
} bry_port;

BRY_API uint32_t bry_input_count(const bry_executable* executable);
BRY_API uint32_t bry_output_count(const bry_executable* executable);
BRY_API bry_status bry_input(const bry_executable* executable, uint32_t index, bry_port* port);
BRY_API bry_status bry_output(const bry_executable* executable, uint32_t index, bry_port* port);

/* ---- Run ----------------------------------------------------------------------------------- */

/* The caller's memory: `data` points at the first element and is aligned to an element. `shape` and
 * `strides` have `ndim` entries, strides in elements. Only row-major tensors without gaps are
 * taken; strides NULL says that it is one. */
typedef struct bry_tensor {
  void* data;
  bry_dtype dtype;
  uint32_t ndim;
  const int64_t* shape;
  const int64_t* strides;
} bry_tensor;

/* Run once: read the inputs, write the outputs, straight from and to the caller's memory, which
 * must not overlap. Symbols take their values from the input shapes; outputs must have the shape
 * that follows (bry_output_shape). Inputs and outputs stand in the order of the executable. After
 * an error the outputs' contents are undefined. Where an output's size depends on data, the caller
 * has memory for the largest one, and its elements are written without gaps from the start on. */
BRY_API bry_status bry_run(bry_executable* executable, const bry_tensor* inputs,
                           uint32_t input_count, const bry_tensor* outputs, uint32_t output_count);

/* bry_run that also writes what the outputs' shapes have become: BRY_MAX_NDIM numbers for each, of
 * which the first `ndim` count. They differ from those passed where a size depends on data. */
BRY_API bry_status bry_run_shapes(bry_executable* executable, const bry_tensor* inputs,
                                  uint32_t input_count, const bry_tensor* outputs,
                                  uint32_t output_count, int64_t* shapes);

/* The shape of output `index` for inputs of these shapes; their `data` is not looked at. A size
 * that depends on data is the largest that it can be. */
BRY_API bry_status bry_output_shape(const bry_executable* executable, const bry_tensor* inputs,
                                    uint32_t input_count, uint32_t index,
                                    int64_t shape[BRY_MAX_NDIM]);

/* ---- Look inside --------------------------------------------------------------------------- */

/* A run is a list of kernel calls. The name lives as long as the executable; NULL if out of range.
 */
BRY_API uint32_t bry_call_count(const bry_executable* executable);
BRY_API const char* bry_call_name(const bry_executable* executable, uint32_t index);

/* bry_run that also writes the time of each call to nanoseconds[0 .. bry_call_count - 1]. */
BRY_API bry_status bry_profile(bry_executable* executable, const bry_tensor* inputs,
                               uint32_t input_count, const bry_tensor* outputs,
                               uint32_t output_count, uint64_t* nanoseconds);

/* Something that a run did, from `start_ns` to `end_ns` of CLOCK_MONOTONIC. task -1: call number
 * `call`; otherwise a part of it that `thread` executed: 0 is the caller's, the others are those of
 * the pool. */
typedef struct bry_event {
  uint64_t start_ns, end_ns;
  uint32_t call;
  int32_t thread;
  int32_t task;
  uint32_t reserved;
} bry_event;

/* bry_run that also writes when each call and each part of it was executed, in the order in which
 * they ended, to events[0 .. *event_count - 1]. In: *event_count is the room there; out: how many
 * events there were. If that is more, those that came last are missing. */
BRY_API bry_status bry_trace(bry_executable* executable, const bry_tensor* inputs,
                             uint32_t input_count, const bry_tensor* outputs, uint32_t output_count,
                             bry_event* events, uint32_t* event_count);

/* A run in parts. The session keeps the intermediate values from one part to the next, so that, for
 * example, the calls of a forward pass can run before the gradient that the backward pass reads is
 * known. Every part takes all inputs and outputs; those that its calls do not use may hold
 * anything. One thread at a time may use a session. The executable must outlive it. */
typedef struct bry_session bry_session;

BRY_API bry_status bry_session_open(bry_executable* executable, bry_session** session);
BRY_API void bry_session_close(bry_session* session);
/* Executes the calls first_call .. first_call + call_count - 1, as bry_run does all of them. */
BRY_API bry_status bry_session_run(bry_session* session, uint32_t first_call, uint32_t call_count,
                                   const bry_tensor* inputs, uint32_t input_count,
                                   const bry_tensor* outputs, uint32_t output_count);

/* The shape of output `index` in the session's last part: a size that depends on data is the
 * largest that it can be until the call that counts it has run. */
BRY_API bry_status bry_session_output_shape(const bry_session* session, uint32_t index,
                                            int64_t shape[BRY_MAX_NDIM]);

/* What argument number `argument` of a call was in this session's last part: its memory, element
 * type and shape, for looking at intermediate values between the calls. All of it is the session's
 * and must not be written; it holds until the session's next run. BRY_INVALID_ARGUMENT for a call
 * or an argument that is not there. */
BRY_API bry_status bry_session_argument(const bry_session* session, uint32_t call,
                                        uint32_t argument, bry_tensor* tensor);

/* One set of arrays for bry_map: as many as the executable has inputs and outputs. */
typedef struct bry_set {
  const bry_tensor* inputs;
  const bry_tensor* outputs;
} bry_set;

/* Run an element-wise executable over arrays of any length, for each set its own, in one launch
 * that all threads share. The first `cut` inputs and all outputs of the executable have one axis of
 * one fixed size: arrays of any shape are cut into pieces of so many elements, the last of which is
 * filled up with numbers that go nowhere. The other inputs are read whole by every piece. The
 * arrays of a set have equally many elements. An output may be the memory of an input of the same
 * set if the executable is one element-wise kernel: it reads an element of all inputs before it
 * writes it. */
BRY_API bry_status bry_map(bry_executable* executable, uint32_t cut, const bry_set* sets,
                           uint32_t set_count);

typedef struct bry_sizes {
  uint32_t struct_size; /* sizeof(bry_sizes) */
  uint32_t threads;     /* that one run uses */
  uint32_t variant;     /* number of the build that was chosen for this CPU */
  uint32_t reserved;
  uint64_t file_bytes;
  uint64_t code_bytes;    /* machine code and constants */
  uint64_t weights_bytes; /* mapped, shared between processes */
  uint64_t arena_bytes;   /* intermediate values; one arena for each run at the same time */
  uint64_t scratch_bytes; /* workspace for each thread */
} bry_sizes;

BRY_API bry_status bry_get_sizes(const bry_executable* executable, bry_sizes* sizes);

/* An artifact may hold builds for several CPUs, best first: what they are called (x86-64-v3, say).
 * bry_sizes.variant is the number of the one that runs. NULL if out of range. */
BRY_API uint32_t bry_variant_count(const bry_executable* executable);
BRY_API const char* bry_variant_name(const bry_executable* executable, uint32_t index);

/* The artifact's own bytes, and the JSON inside that describes the build that runs (UTF-8, not
 * NUL-terminated): by what and for which target it was compiled, and for each kernel its ops,
 * shapes and costs. They live as long as the executable. */
BRY_API bry_status bry_artifact(const bry_executable* executable, const void** data,
                                uint64_t* bytes);
BRY_API bry_status bry_meta(const bry_executable* executable, const char** json, uint64_t* bytes);

/* Check the hash of every section, the weights' included. */
BRY_API bry_status bry_verify(const bry_executable* executable);

#ifdef __cplusplus
} /* extern "C" */
#endif
#endif /* BARYON_RUNTIME_H_ */
