// The caller's tensors against what the network takes.
#pragma once

#include <string>

#include "plan.h"

namespace baryon {

struct Tensors {
  const bry_tensor* data;
  uint32_t count;
};

// The symbols' values, from shapes that agree with each other and with the plan; computed ones have
// their greatest. Throws Error with the name of the input, what was expected and what came.
Symbols bind_symbols(const Plan& plan, Tensors inputs);

// Dtype, memory and strides of the inputs, and the elements of those that are fixed; everything of
// the outputs. Throws Error.
void check_memory(const Plan& plan, Tensors inputs, const Bytes& weights);
void check_outputs(const Plan& plan, Tensors outputs, const Symbols& symbols);

}  // namespace baryon
