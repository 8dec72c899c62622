// The calls of a plan, ready to be executed.
#pragma once

#include <cstdint>
#include <vector>

#include "binding.h"
#include "code.h"
#include "kernel_abi.h"
#include "mapping.h"
#include "plan.h"
#include "trace.h"

namespace baryon {

// What all runs share. Immutable.
class Network {
 public:
  struct Call {
    KernelEntry kernel;
    const char* name;
    uint32_t first_arg;
    int32_t arg_count;
    bool defines;  // a symbol, or several
  };
  // A number in some tensor's shape or strides that depends on a symbol.
  struct Variable {
    size_t position;
    format::Dim dim;
  };
  // A tensor that lies in an input or output.
  struct View {
    uint32_t tensor;
    uint32_t port;
    bool of_output;
    bool changes;  // it or its port has symbols, and it is not the whole port
  };

  // `image` must stay where it is. Throws Error.
  Network(const Plan& plan, const Image& image, const Bytes& weights);

  // Whether the views are inside their inputs and outputs for these values. Throws Error.
  void check_views(const Symbols& symbols) const;

  const Plan& plan;
  const Bytes weights;
  std::vector<Call> calls;
  std::vector<int64_t> numbers;   // shapes and strides, variables at their maximum
  std::vector<size_t> positions;  // by tensor: where its numbers start
  std::vector<Variable> variables;
  std::vector<View> views;

 private:
  void add_numbers(const format::Dim* dims, uint32_t count, const Symbols& symbols);
  void add_view(uint32_t number);
};

// Memory for one run at a time: an arena and the kernels' arguments, which point into it.
class Context {
 public:
  explicit Context(const Network& network);
  Context(const Context&) = delete;

  // Point the arguments at the caller's memory, which has been checked. `symbols` are those of
  // `bind_symbols`; computed ones keep the values of the part before, if `resumes` and the inputs
  // have the same shapes.
  void bind(Tensors inputs, Tensors outputs, const Symbols& symbols, bool resumes = false);
  size_t call_count() const { return network_.calls.size(); }
  // As it was bound last. Throws Error.
  const KernelTensor& argument(size_t call, size_t number) const;
  // Executes the calls first .. first + count - 1, and writes when to the trace unless it is null.
  // Throws Error.
  void run(size_t first, size_t count, Trace* trace);
  // As they are now: a computed one that no call has defined yet has its greatest value.
  const Symbols& symbols() const { return symbols_; }

 private:
  KernelTensor tensor(uint32_t number);
  void run_call(size_t number);
  void read_counts(size_t call);
  void set_numbers(const Symbols& symbols);

  const Network& network_;
  Mapping arena_;
  std::vector<int64_t> numbers_;
  std::vector<KernelTensor> tensors_;
  std::vector<KernelValue> args_;
  Symbols bound_{};  // the symbols at the last bind
  Symbols symbols_{};
};

}  // namespace baryon
