// The Python module baryon.runtime._native: the C interface, with buffers for tensors.
//
// What people call is in baryon/runtime/executable.py, which has prepared every array by then.
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "baryon/runtime.h"
#include "dtypes.h"

namespace nb = nanobind;

namespace {

using Query = bry_status (*)(const bry_executable*, uint32_t, bry_port*);

// The class in baryon.runtime.errors, or a built-in one, for a status.
nb::object error_class(bry_status status) {
  const auto designed = [](const char* name) {
    return nb::module_::import_("baryon.runtime.errors").attr(name);
  };
  switch (status) {
    case BRY_IO:
      return nb::borrow(PyExc_OSError);
    case BRY_OUT_OF_MEMORY:
      return nb::borrow(PyExc_MemoryError);
    case BRY_BAD_ARTIFACT:
      return designed("ArtifactError");
    case BRY_UNTRUSTED:
      return designed("SignatureError");
    case BRY_UNSUPPORTED_CPU:
      return designed("UnsupportedCpuError");
    case BRY_INVALID_ARGUMENT:
    case BRY_BAD_INPUT:
      return designed("InputError");
    case BRY_KERNEL_FAILED:
      return designed("KernelError");
    default:
      return designed("BaryonRuntimeError");
  }
}

void check(bry_status status) {
  if (status == BRY_OK) return;
  PyErr_SetString(error_class(status).ptr(), bry_last_error());
  throw nb::python_error();
}

// The memory of Python objects, held while it is in use. Row-major arrays of the right dtype.
class Buffers {
 public:
  Buffers(const nb::list& objects, uint32_t ports, bool writable)
      : views_(nb::len(objects)), tensors_(views_.size()), ports_(ports) {
    const int flags = PyBUF_ND | (writable ? PyBUF_WRITABLE : 0);
    for (size_t i = 0; i < views_.size(); ++i) {
      if (PyObject_GetBuffer(objects[i].ptr(), &views_[i], flags) != 0) throw nb::python_error();
      ++held_;
    }
  }
  Buffers(const Buffers&) = delete;
  ~Buffers() {
    for (size_t i = 0; i < held_; ++i) PyBuffer_Release(&views_[i]);
  }

  // The dtype is the port's if the elements have its size: Python has compared the types.
  void as_tensors(const bry_executable* executable, Query query) {
    for (size_t i = 0; i < tensors_.size() && i < ports_; ++i) {
      bry_port port;
      port.struct_size = sizeof port;
      check(query(executable, static_cast<uint32_t>(i), &port));
      const Py_buffer& view = views_[i];
      if (view.itemsize != baryon::item_bytes(port.dtype.bits)) port.dtype = {0, 0, 0};
      tensors_[i] = {view.buf, port.dtype, static_cast<uint32_t>(view.ndim), shape_of(view),
                     nullptr};
    }
  }

  const bry_tensor* data() const { return tensors_.data(); }
  uint32_t count() const { return static_cast<uint32_t>(tensors_.size()); }

 private:
  static const int64_t* shape_of(const Py_buffer& view) {
    static_assert(sizeof(Py_ssize_t) == sizeof(int64_t));
    return reinterpret_cast<const int64_t*>(view.shape);
  }

  std::vector<Py_buffer> views_;
  std::vector<bry_tensor> tensors_;
  uint32_t ports_;
  size_t held_ = 0;
};

nb::str dtype_name(bry_dtype dtype) {
  return nb::str(baryon::find_element_type(dtype.code, dtype.bits)->name);
}

// (name, dtype, ((min, max, factor, symbol or None), ...))
nb::tuple describe(const bry_port& port) {
  nb::list dims;
  for (uint32_t i = 0; i < port.ndim; ++i) {
    const bry_dim& dim = port.dims[i];
    nb::object symbol = dim.symbol != nullptr ? nb::object(nb::str(dim.symbol)) : nb::none();
    dims.append(nb::make_tuple(dim.min, dim.max, dim.factor, symbol));
  }
  return nb::make_tuple(nb::str(port.name), dtype_name(port.dtype), nb::tuple(dims));
}

nb::tuple shape_of_output(const bry_executable* executable, uint32_t index, const int64_t* shape) {
  bry_port port;
  port.struct_size = sizeof port;
  check(bry_output(executable, index, &port));
  nb::list sizes;
  for (uint32_t i = 0; i < port.ndim; ++i) sizes.append(shape[i]);
  return nb::tuple(sizes);
}

class Executable {
 public:
  static Executable* load_file(const nb::bytes& path, uint32_t threads, bool verify,
                               const char* variant, const std::optional<std::string>& keys) {
    auto executable = new_executable();
    const bry_options options = make_options(threads, verify, variant, keys);
    bry_status status;
    {
      nb::gil_scoped_release release;
      status = bry_load_file(path.c_str(), &options, &executable->handle_);
    }
    check(status);
    return executable.release();
  }

  static Executable* load_bytes(const nb::object& data, uint32_t threads, bool verify,
                                const char* variant, const std::optional<std::string>& keys) {
    auto executable = new_executable();
    const bry_options options = make_options(threads, verify, variant, keys);
    Py_buffer view;
    if (PyObject_GetBuffer(data.ptr(), &view, PyBUF_SIMPLE) != 0) throw nb::python_error();
    bry_status status;
    {
      nb::gil_scoped_release release;
      status = bry_load_memory(view.buf, static_cast<uint64_t>(view.len), &options,
                               &executable->handle_);
    }
    PyBuffer_Release(&view);
    check(status);
    return executable.release();
  }

  Executable(const Executable&) = delete;
  ~Executable() { bry_close(handle_); }

  nb::list inputs() const { return ports(bry_input_count(handle_), bry_input); }
  nb::list outputs() const { return ports(bry_output_count(handle_), bry_output); }

  nb::list output_shapes(const nb::list& inputs) const {
    Buffers buffers(inputs, bry_input_count(handle_), false);
    buffers.as_tensors(handle_, bry_input);
    nb::list shapes;
    for (uint32_t i = 0; i < bry_output_count(handle_); ++i) {
      int64_t shape[BRY_MAX_NDIM];
      check(bry_output_shape(handle_, buffers.data(), buffers.count(), i, shape));
      shapes.append(shape_of_output(handle_, i, shape));
    }
    return shapes;
  }

  void run(const nb::list& inputs, const nb::list& outputs) { execute(inputs, outputs); }

  // The outputs' shapes after the run.
  nb::list run_shapes(const nb::list& inputs, const nb::list& outputs) {
    std::vector<int64_t> shapes((bry_output_count(handle_) + 1) * size_t{BRY_MAX_NDIM});
    execute(inputs, outputs, nullptr, nullptr, nullptr, shapes.data());
    nb::list found;
    for (uint32_t i = 0; i < bry_output_count(handle_); ++i)
      found.append(shape_of_output(handle_, i, &shapes[i * size_t{BRY_MAX_NDIM}]));
    return found;
  }

  nb::list profile(const nb::list& inputs, const nb::list& outputs) {
    std::vector<uint64_t> nanoseconds(bry_call_count(handle_) + 1);
    execute(inputs, outputs, nanoseconds.data());
    nb::list calls;
    for (uint32_t i = 0; i < bry_call_count(handle_); ++i)
      calls.append(nb::make_tuple(nb::str(bry_call_name(handle_, i)), nanoseconds[i]));
    return calls;
  }

  // (call, thread, task, start, end) of each event, and whether there was room for all.
  nb::tuple trace(const nb::list& inputs, const nb::list& outputs, uint32_t room) {
    std::vector<bry_event> events(room + 1);
    uint32_t count = room;
    execute(inputs, outputs, nullptr, events.data(), &count);
    nb::list found;
    for (uint32_t i = 0; i < count && i < room; ++i) {
      const bry_event& event = events[i];
      found.append(
          nb::make_tuple(event.call, event.thread, event.task, event.start_ns, event.end_ns));
    }
    return nb::make_tuple(found, count <= room);
  }

  // sets: pairs of lists, inputs and outputs.
  void map(uint32_t cut, const nb::list& sets) {
    std::vector<std::unique_ptr<Buffers>> held;
    std::vector<bry_set> arrays;
    for (const nb::handle set : sets) {
      const nb::list inputs = nb::cast<nb::list>(set[0]), outputs = nb::cast<nb::list>(set[1]);
      held.push_back(std::make_unique<Buffers>(inputs, bry_input_count(handle_), false));
      held.back()->as_tensors(handle_, bry_input);
      held.push_back(std::make_unique<Buffers>(outputs, bry_output_count(handle_), true));
      held.back()->as_tensors(handle_, bry_output);
      if (nb::len(inputs) != bry_input_count(handle_) ||
          nb::len(outputs) != bry_output_count(handle_))
        throw nb::value_error("a set has not as many arrays as the network");
      arrays.push_back({held[held.size() - 2]->data(), held.back()->data()});
    }
    bry_status status;
    {
      nb::gil_scoped_release release;
      status = bry_map(handle_, cut, arrays.data(), static_cast<uint32_t>(arrays.size()));
    }
    check(status);
  }

  uint32_t call_count() const { return bry_call_count(handle_); }

  nb::dict sizes() const {
    bry_sizes values{};
    values.struct_size = sizeof values;
    check(bry_get_sizes(handle_, &values));
    nb::dict result;
    result["threads"] = values.threads;
    result["variant"] = values.variant;
    result["file_bytes"] = values.file_bytes;
    result["code_bytes"] = values.code_bytes;
    result["weights_bytes"] = values.weights_bytes;
    result["arena_bytes"] = values.arena_bytes;
    result["scratch_bytes"] = values.scratch_bytes;
    return result;
  }

  nb::list variants() const {
    nb::list names;
    for (uint32_t i = 0; i < bry_variant_count(handle_); ++i)
      names.append(nb::str(bry_variant_name(handle_, i)));
    return names;
  }

  nb::bytes meta() const {
    const char* json;
    uint64_t bytes;
    check(bry_meta(handle_, &json, &bytes));
    return nb::bytes(json, bytes);
  }

  nb::object artifact() const {
    const void* data;
    uint64_t bytes;
    check(bry_artifact(handle_, &data, &bytes));
    return nb::steal(PyMemoryView_FromMemory(static_cast<char*>(const_cast<void*>(data)),
                                             static_cast<Py_ssize_t>(bytes), PyBUF_READ));
  }

  void verify() const {
    bry_status status;
    {
      nb::gil_scoped_release release;
      status = bry_verify(handle_);
    }
    check(status);
  }

 private:
  Executable() = default;
  static std::unique_ptr<Executable> new_executable() {
    return std::unique_ptr<Executable>(new Executable);
  }
  static bry_options make_options(uint32_t threads, bool verify, const char* variant,
                                  const std::optional<std::string>& keys) {
    bry_options options{};
    options.struct_size = sizeof options;
    options.threads = threads;
    options.verify_weights = verify;
    options.variant = variant;
    options.public_keys = keys ? keys->c_str() : nullptr;
    return options;
  }

  nb::list ports(uint32_t count, Query query) const {
    nb::list result;
    for (uint32_t i = 0; i < count; ++i) {
      bry_port port;
      port.struct_size = sizeof port;
      check(query(handle_, i, &port));
      result.append(describe(port));
    }
    return result;
  }

  void execute(const nb::list& inputs, const nb::list& outputs, uint64_t* nanoseconds = nullptr,
               bry_event* events = nullptr, uint32_t* event_count = nullptr,
               int64_t* shapes = nullptr) {
    Buffers from(inputs, bry_input_count(handle_), false);
    Buffers to(outputs, bry_output_count(handle_), true);
    from.as_tensors(handle_, bry_input);
    to.as_tensors(handle_, bry_output);
    bry_status status;
    {
      nb::gil_scoped_release release;
      if (nanoseconds != nullptr)
        status =
            bry_profile(handle_, from.data(), from.count(), to.data(), to.count(), nanoseconds);
      else if (events != nullptr)
        status = bry_trace(handle_, from.data(), from.count(), to.data(), to.count(), events,
                           event_count);
      else if (shapes != nullptr)
        status = bry_run_shapes(handle_, from.data(), from.count(), to.data(), to.count(), shapes);
      else
        status = bry_run(handle_, from.data(), from.count(), to.data(), to.count());
    }
    check(status);
  }

  friend class Session;
  bry_executable* handle_ = nullptr;
};

// A run in parts. Python keeps the executable alive as long as it (see keep_alive below).
class Session {
 public:
  explicit Session(Executable& executable) : handle_(executable.handle_) {
    check(bry_session_open(handle_, &session_));
  }
  Session(const Session&) = delete;
  ~Session() { bry_session_close(session_); }

  void run(uint32_t first, uint32_t count, const nb::list& inputs, const nb::list& outputs) {
    Buffers from(inputs, bry_input_count(handle_), false);
    Buffers to(outputs, bry_output_count(handle_), true);
    from.as_tensors(handle_, bry_input);
    to.as_tensors(handle_, bry_output);
    bry_status status;
    {
      nb::gil_scoped_release release;
      status =
          bry_session_run(session_, first, count, from.data(), from.count(), to.data(), to.count());
    }
    check(status);
  }

  nb::tuple output_shape(uint32_t index) const {
    int64_t shape[BRY_MAX_NDIM];
    check(bry_session_output_shape(session_, index, shape));
    return shape_of_output(handle_, index, shape);
  }

  // (dtype, shape, a copy of the bytes); None for one that lies in strides or has no memory yet.
  nb::object argument(uint32_t call, uint32_t number) const {
    bry_tensor tensor;
    check(bry_session_argument(session_, call, number, &tensor));
    if (tensor.strides != nullptr || tensor.data == nullptr) return nb::none();
    uint64_t bytes = baryon::item_bytes(tensor.dtype.bits);
    nb::list shape;
    for (uint32_t i = 0; i < tensor.ndim; ++i) {
      shape.append(tensor.shape[i]);
      bytes *= static_cast<uint64_t>(tensor.shape[i]);
    }
    return nb::make_tuple(dtype_name(tensor.dtype), nb::tuple(shape),
                          nb::bytes(tensor.data, bytes));
  }

 private:
  bry_executable* handle_;
  bry_session* session_ = nullptr;
};

void verify_file(const nb::bytes& path, const std::optional<std::string>& keys) {
  bry_status status;
  {
    nb::gil_scoped_release release;
    status = bry_verify_file(path.c_str(), keys ? keys->c_str() : nullptr);
  }
  check(status);
}

// The clock of this core in hertz, by sums that wait for each other: one a cycle. The highest of
// some short attempts, since what disturbs one only slows it.
double clock_hz() {
  constexpr int kSums = 16, kRounds = 20000, kAttempts = 9;
  double best = 0;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    uint64_t sum = 0;
    const auto start = std::chrono::steady_clock::now();
    for (int round = 0; round < kRounds; ++round) {
      for (int i = 0; i < kSums; ++i) {
        sum += 3;
        __asm__ volatile("" : "+r"(sum));  // the next one must wait for it
      }
    }
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
    best = std::max(best, kSums * kRounds / spent.count());
  }
  return best;
}

}  // namespace

NB_MODULE(_native, module) {
  // A thread that still runs at exit keeps its executable: the process ends with it, so nothing is
  // lost, and a server's log has no place for nanobind's lines about it.
  nb::set_leak_warnings(false);
  nb::class_<Executable>(module, "Executable")
      .def_static("load_file", &Executable::load_file, nb::arg("path"), nb::arg("threads"),
                  nb::arg("verify"), nb::arg("variant"), nb::arg("keys").none())
      .def_static("load_bytes", &Executable::load_bytes, nb::arg("data"), nb::arg("threads"),
                  nb::arg("verify"), nb::arg("variant"), nb::arg("keys").none())
      .def("inputs", &Executable::inputs)
      .def("outputs", &Executable::outputs)
      .def("output_shapes", &Executable::output_shapes, nb::arg("inputs"))
      .def("run", &Executable::run, nb::arg("inputs"), nb::arg("outputs"))
      .def("run_shapes", &Executable::run_shapes, nb::arg("inputs"), nb::arg("outputs"))
      .def("profile", &Executable::profile, nb::arg("inputs"), nb::arg("outputs"))
      .def("trace", &Executable::trace, nb::arg("inputs"), nb::arg("outputs"), nb::arg("room"))
      .def("map", &Executable::map, nb::arg("cut"), nb::arg("sets"))
      .def("call_count", &Executable::call_count)
      .def("sizes", &Executable::sizes)
      .def("variants", &Executable::variants)
      .def("meta", &Executable::meta)
      .def("artifact", &Executable::artifact)
      .def("verify", &Executable::verify);
  nb::class_<Session>(module, "Session")
      .def(nb::init<Executable&>(), nb::arg("executable"), nb::keep_alive<1, 2>())
      .def("run", &Session::run, nb::arg("first"), nb::arg("count"), nb::arg("inputs"),
           nb::arg("outputs"))
      .def("output_shape", &Session::output_shape, nb::arg("index"))
      .def("argument", &Session::argument, nb::arg("call"), nb::arg("number"));
  module.def("verify_file", verify_file, nb::arg("path"), nb::arg("keys").none());
  module.def("clock_hz", clock_hz);
  module.def("version", bry_version);
  module.def("format_version", bry_format_version);
}
