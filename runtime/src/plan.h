// What to execute: the PLAN section, checked (rules A11 to A23, A34 to A36).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "format.h"
#include "reader.h"

namespace baryon {

// Values by symbol number.
using Symbols = std::array<int64_t, format::kMaxSymbols>;

// call format::kOfInputs: the value comes from the inputs' shapes. Otherwise it is what that call
// writes to the tensor, from 0 to `most`.
struct Symbol {
  std::string name;
  int64_t min;
  int64_t max;
  format::Dim most;
  uint32_t call;
  uint32_t tensor;

  bool is_computed() const { return call != format::kOfInputs; }
};

// An input or output. Its dims are `ndim` entries from `dims`. `value`: the tensor in WEIGHTS that
// an input must equal; null for one that may be anything.
struct Port {
  std::string name;
  const format::Tensor* tensor;
  const format::Dim* dims;
  const format::Tensor* value;
};

// Strings are copied; records stay in the file. Everything is inside its bounds once this exists.
struct Plan {
  // `weights_bytes` is the size of the WEIGHTS section. Throws Error.
  Plan(const Bytes& section, uint64_t weights_bytes);

  // Bytes from a tensor's first element to behind its last. Does not overflow for values up to the
  // symbols' maxima.
  uint64_t extent(const format::Tensor& tensor, const Symbols& symbols) const;
  // Null for a tensor without explicit strides.
  const format::Dim* strides(const format::Tensor& tensor) const;
  const format::Dim* shape(const format::Tensor& tensor) const;
  bool is_symbolic(const format::Tensor& tensor) const;
  // Gives every computed symbol its greatest value for those of the inputs.
  void bound_computed(Symbols* symbols) const;

  uint64_t arena_bytes = 0;
  uint64_t scratch_bytes = 0;
  std::vector<Symbol> symbols;
  bool has_computed = false;
  std::vector<Port> inputs, outputs;
  std::vector<std::string> kernel_names;
  Records<format::Dim> dims;
  Records<format::Tensor> tensors;
  Records<format::Kernel> kernels;
  Records<uint32_t> args;
  Records<format::Call> calls;
};

// What a variant is called, and what it needs: ELF's number of an instruction set, LLVM's names of
// CPU features.
struct Needs {
  std::string name;
  uint32_t machine;
  std::vector<std::string> features;
};

// Of the variant with this PLAN section. Throws Error.
Needs read_needs(const Bytes& section);

inline int64_t value_of(const format::Dim& dim, const Symbols& symbols) {
  return dim.symbol < 0 ? dim.factor : dim.factor * symbols[dim.symbol];
}

}  // namespace baryon
