// The C interface: no exception passes, every argument is checked.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <new>
#include <vector>

#include "baryon/runtime.h"
#include "cpu_count.h"
#include "executable.h"
#include "trace.h"

struct bry_executable {
  bry_executable(baryon::MappedFile file, const baryon::Options& options)
      : impl(std::move(file), options) {}

  baryon::Executable impl;
};

struct bry_session {
  baryon::Executable& executable;
  std::unique_ptr<baryon::Context> context;
};

namespace baryon {
namespace {

thread_local std::string last_error;

bry_status report(bry_status status, const char* message) noexcept {
  try {
    last_error = message;
  } catch (...) {
    last_error.clear();
  }
  return status;
}

template <typename Function>
bry_status guarded(Function function) noexcept {
  try {
    function();
    return BRY_OK;
  } catch (const Error& error) {
    return report(error.status, error.what());
  } catch (const std::bad_alloc&) {
    return report(BRY_OUT_OF_MEMORY, "out of memory");
  } catch (const std::exception& error) {
    return report(BRY_INTERNAL, error.what());
  }
}

void need(bool given, const char* what) {
  if (!given) fail(BRY_INVALID_ARGUMENT, "%s is null", what);
}

void check_size(uint32_t struct_size) {
  if (struct_size < sizeof(uint32_t) || struct_size > 1 << 16)
    fail(BRY_INVALID_ARGUMENT, "struct_size is %u: set it to sizeof the struct", struct_size);
}

// As much of `value` as the caller's struct has room for; `struct_size` stays.
template <typename T>
void copy_out(T* target, T value) {
  const uint32_t size = target->struct_size;
  check_size(size);
  value.struct_size = size;
  memcpy(target, &value, std::min<size_t>(size, sizeof(T)));
}

// The caller's struct, of an older or newer header. What this library does not know may not be set:
// it could be a check that the caller relies on.
template <typename T>
T copy_in(const T* source) {
  const uint32_t size = source->struct_size;
  check_size(size);
  const auto* bytes = reinterpret_cast<const uint8_t*>(source);
  for (size_t i = sizeof(T); i < size; ++i)
    if (bytes[i] != 0)
      fail(BRY_INVALID_ARGUMENT,
           "a field at byte %zu is set that this library (%d.%d.%d) does not know: use a newer one",
           i, BRY_VERSION_MAJOR, BRY_VERSION_MINOR, BRY_VERSION_PATCH);
  T value{};
  memcpy(&value, source, std::min<size_t>(size, sizeof(T)));
  return value;
}

Choice choice_of(const bry_options& options) {
  if (options.variant != nullptr && *options.variant != '\0') return {options.variant};
  const char* variable = getenv("BARYON_VARIANT");
  return variable != nullptr ? Choice{variable, true} : Choice{};
}

std::vector<PublicKey> signers_of(const char* public_keys) {
  return public_keys != nullptr ? read_public_keys(public_keys) : std::vector<PublicKey>();
}

Options options_of(const bry_options* given) {
  const bry_options options = given != nullptr ? copy_in(given) : bry_options{};
  if (options.threads > 1024)
    fail(BRY_INVALID_ARGUMENT, "%u threads: at most 1024", options.threads);
  const int threads = options.threads != 0 ? static_cast<int>(options.threads) : usable_cpus();
  const uint32_t spin_us = options.spin_us != 0 ? options.spin_us : Pool::kDefaultSpinUs;
  return {threads, options.verify_weights != 0, spin_us, choice_of(options),
          signers_of(options.public_keys)};
}

bry_dim dim_of(const Plan& plan, const format::Dim& dim) {
  if (dim.symbol < 0) return {dim.factor, dim.factor, dim.factor, nullptr};
  const Symbol& symbol = plan.symbols[dim.symbol];
  return {dim.factor * symbol.min, dim.factor * symbol.max, dim.factor, symbol.name.c_str()};
}

void write_shape(const Port& port, const Symbols& symbols, int64_t* shape) {
  for (uint32_t i = 0; i < port.tensor->ndim; ++i) shape[i] = value_of(port.dims[i], symbols);
}

const Port& output_of(const Plan& plan, uint32_t index) {
  if (index >= plan.outputs.size())
    fail(BRY_INVALID_ARGUMENT, "output %u, there are %zu", index, plan.outputs.size());
  return plan.outputs[index];
}

void describe(const Plan& plan, const std::vector<Port>& ports, uint32_t index, bry_port* target) {
  need(target != nullptr, "port");
  if (index >= ports.size())
    fail(BRY_INVALID_ARGUMENT, "index %u, there are %zu", index, ports.size());
  const Port& port = ports[index];
  const format::Tensor& tensor = *port.tensor;
  bry_port description{};
  description.ndim = tensor.ndim;
  description.name = port.name.c_str();
  description.dtype = {tensor.code, tensor.bits, tensor.lanes};
  for (uint32_t i = 0; i < tensor.ndim; ++i) description.dims[i] = dim_of(plan, port.dims[i]);
  copy_out(target, description);
}

}  // namespace
}  // namespace baryon

using namespace baryon;  // NOLINT: the functions below are the library's surface

uint32_t bry_version(void) {
  return BRY_VERSION_MAJOR << 16 | BRY_VERSION_MINOR << 8 | BRY_VERSION_PATCH;
}

uint32_t bry_abi_version(void) { return BRY_ABI_VERSION; }

uint32_t bry_format_version(void) { return format::kVersion; }

const char* bry_status_name(bry_status status) {
  static constexpr const char* kNames[] = {"BRY_OK",
                                           "BRY_INVALID_ARGUMENT",
                                           "BRY_IO",
                                           "BRY_BAD_ARTIFACT",
                                           "BRY_UNSUPPORTED_CPU",
                                           "BRY_BAD_INPUT",
                                           "BRY_KERNEL_FAILED",
                                           "BRY_OUT_OF_MEMORY",
                                           "BRY_INTERNAL",
                                           "BRY_UNTRUSTED"};
  static_assert(std::size(kNames) == BRY_UNTRUSTED + 1);
  return status >= BRY_OK && status <= BRY_UNTRUSTED ? kNames[status] : "?";
}

const char* bry_last_error(void) { return last_error.c_str(); }

bry_status bry_load_file(const char* path, const bry_options* options,
                         bry_executable** executable) {
  return guarded([=] {
    need(path != nullptr && executable != nullptr, "path or executable");
    *executable = nullptr;
    *executable = new bry_executable(MappedFile::open(path), options_of(options));
  });
}

bry_status bry_load_memory(const void* data, uint64_t bytes, const bry_options* options,
                           bry_executable** executable) {
  return guarded([=] {
    need(data != nullptr && executable != nullptr, "data or executable");
    *executable = nullptr;
    *executable = new bry_executable(MappedFile::copy_of(data, bytes), options_of(options));
  });
}

bry_status bry_verify_file(const char* path, const char* public_keys) {
  return guarded([=] {
    need(path != nullptr, "path");
    Artifact(MappedFile::open(path), signers_of(public_keys)).verify_all();
  });
}

void bry_close(bry_executable* executable) { delete executable; }

uint32_t bry_input_count(const bry_executable* executable) {
  return executable != nullptr ? static_cast<uint32_t>(executable->impl.plan().inputs.size()) : 0;
}

uint32_t bry_output_count(const bry_executable* executable) {
  return executable != nullptr ? static_cast<uint32_t>(executable->impl.plan().outputs.size()) : 0;
}

bry_status bry_input(const bry_executable* executable, uint32_t index, bry_port* port) {
  return guarded([=] {
    need(executable != nullptr, "executable");
    const Plan& plan = executable->impl.plan();
    describe(plan, plan.inputs, index, port);
  });
}

bry_status bry_output(const bry_executable* executable, uint32_t index, bry_port* port) {
  return guarded([=] {
    need(executable != nullptr, "executable");
    const Plan& plan = executable->impl.plan();
    describe(plan, plan.outputs, index, port);
  });
}

bry_status bry_run(bry_executable* executable, const bry_tensor* inputs, uint32_t input_count,
                   const bry_tensor* outputs, uint32_t output_count) {
  return guarded([=] {
    need(executable != nullptr, "executable");
    executable->impl.run({inputs, input_count}, {outputs, output_count}, nullptr);
  });
}

bry_status bry_run_shapes(bry_executable* executable, const bry_tensor* inputs,
                          uint32_t input_count, const bry_tensor* outputs, uint32_t output_count,
                          int64_t* shapes) {
  return guarded([=] {
    need(executable != nullptr && shapes != nullptr, "executable or shapes");
    Executable& impl = executable->impl;
    const Symbols symbols = impl.run({inputs, input_count}, {outputs, output_count}, nullptr);
    int64_t* shape = shapes;
    for (const Port& port : impl.plan().outputs) {
      write_shape(port, symbols, shape);
      shape += BRY_MAX_NDIM;
    }
  });
}

bry_status bry_profile(bry_executable* executable, const bry_tensor* inputs, uint32_t input_count,
                       const bry_tensor* outputs, uint32_t output_count, uint64_t* nanoseconds) {
  return guarded([=] {
    need(executable != nullptr && nanoseconds != nullptr, "executable or nanoseconds");
    std::vector<bry_event> events(executable->impl.network().calls.size());
    Trace trace(events.data(), static_cast<uint32_t>(events.size()), Trace::Detail::kCalls);
    executable->impl.run({inputs, input_count}, {outputs, output_count}, &trace);
    for (const bry_event& event : events) nanoseconds[event.call] = event.end_ns - event.start_ns;
  });
}

bry_status bry_trace(bry_executable* executable, const bry_tensor* inputs, uint32_t input_count,
                     const bry_tensor* outputs, uint32_t output_count, bry_event* events,
                     uint32_t* event_count) {
  return guarded([=] {
    need(executable != nullptr && events != nullptr && event_count != nullptr, "an argument");
    Trace trace(events, *event_count, Trace::Detail::kTasks);
    executable->impl.run({inputs, input_count}, {outputs, output_count}, &trace);
    *event_count = trace.count();
  });
}

bry_status bry_session_open(bry_executable* executable, bry_session** session) {
  return guarded([=] {
    need(executable != nullptr && session != nullptr, "executable or session");
    *session = new bry_session{executable->impl, executable->impl.take_context()};
  });
}

void bry_session_close(bry_session* session) {
  if (session == nullptr) return;
  guarded([=] { session->executable.give_back(std::move(session->context)); });
  delete session;
}

bry_status bry_session_run(bry_session* session, uint32_t first_call, uint32_t call_count,
                           const bry_tensor* inputs, uint32_t input_count,
                           const bry_tensor* outputs, uint32_t output_count) {
  return guarded([=] {
    need(session != nullptr, "session");
    session->executable.run_part(*session->context, {inputs, input_count}, {outputs, output_count},
                                 first_call, call_count, nullptr);
  });
}

bry_status bry_session_argument(const bry_session* session, uint32_t call, uint32_t argument,
                                bry_tensor* tensor) {
  return guarded([=] {
    need(session != nullptr && tensor != nullptr, "session or tensor");
    const KernelTensor& found = session->context->argument(call, argument);
    const bry_dtype dtype{found.dtype.code, found.dtype.bits, found.dtype.lanes};
    const auto ndim = static_cast<uint32_t>(found.ndim);
    *tensor = {found.data, dtype, ndim, found.shape, found.strides};
  });
}

bry_status bry_session_output_shape(const bry_session* session, uint32_t index,
                                    int64_t shape[BRY_MAX_NDIM]) {
  return guarded([=] {
    need(session != nullptr && shape != nullptr, "session or shape");
    const Plan& plan = session->executable.plan();
    write_shape(output_of(plan, index), session->context->symbols(), shape);
  });
}

bry_status bry_output_shape(const bry_executable* executable, const bry_tensor* inputs,
                            uint32_t input_count, uint32_t index, int64_t shape[BRY_MAX_NDIM]) {
  return guarded([=] {
    need(executable != nullptr && shape != nullptr, "executable or shape");
    const Plan& plan = executable->impl.plan();
    const Port& port = output_of(plan, index);
    write_shape(port, bind_symbols(plan, {inputs, input_count}), shape);
  });
}

bry_status bry_map(bry_executable* executable, uint32_t cut, const bry_set* sets,
                   uint32_t set_count) {
  return guarded([=] {
    need(executable != nullptr && (sets != nullptr || set_count == 0), "executable or sets");
    executable->impl.map(cut, sets, set_count);
  });
}

uint32_t bry_call_count(const bry_executable* executable) {
  return executable != nullptr ? static_cast<uint32_t>(executable->impl.network().calls.size()) : 0;
}

const char* bry_call_name(const bry_executable* executable, uint32_t index) {
  return index < bry_call_count(executable) ? executable->impl.network().calls[index].name
                                            : nullptr;
}

bry_status bry_get_sizes(const bry_executable* executable, bry_sizes* sizes) {
  return guarded([=] {
    need(executable != nullptr && sizes != nullptr, "executable or sizes");
    const Executable& impl = executable->impl;
    bry_sizes values{};
    values.threads = static_cast<uint32_t>(impl.threads());
    values.variant = impl.variant();
    values.file_bytes = impl.artifact().file().size();
    values.code_bytes = impl.code().image().bytes;
    values.weights_bytes = impl.network().weights.size();
    values.arena_bytes = impl.plan().arena_bytes;
    values.scratch_bytes = impl.plan().scratch_bytes;
    copy_out(sizes, values);
  });
}

uint32_t bry_variant_count(const bry_executable* executable) {
  return executable != nullptr ? static_cast<uint32_t>(executable->impl.variants().size()) : 0;
}

const char* bry_variant_name(const bry_executable* executable, uint32_t index) {
  return index < bry_variant_count(executable) ? executable->impl.variants()[index].name.c_str()
                                               : nullptr;
}

bry_status bry_artifact(const bry_executable* executable, const void** data, uint64_t* bytes) {
  return guarded([=] {
    need(executable != nullptr && data != nullptr && bytes != nullptr, "an argument");
    *data = executable->impl.artifact().file().data();
    *bytes = executable->impl.artifact().file().size();
  });
}

bry_status bry_meta(const bry_executable* executable, const char** json, uint64_t* bytes) {
  return guarded([=] {
    need(executable != nullptr && json != nullptr && bytes != nullptr, "an argument");
    const Bytes& meta = executable->impl.meta();
    *json = reinterpret_cast<const char*>(meta.data());
    *bytes = meta.size();
  });
}

bry_status bry_verify(const bry_executable* executable) {
  return guarded([=] {
    need(executable != nullptr, "executable");
    executable->impl.artifact().verify_all();
  });
}
