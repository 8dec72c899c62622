// The rules for single records of a plan. Each function throws Error if one is broken.
#pragma once

#include <vector>

#include "plan.h"

namespace baryon {

// The last of `symbols`, against those before it.
void check_symbol(const std::vector<Symbol>& symbols);
void check_dim(const Plan& plan, const format::Dim& dim);
// The last of `ports`, just read.
void check_port(const Plan& plan, const std::vector<Port>& ports, format::Storage storage);
void check_tensor(const Plan& plan, const format::Tensor& tensor, uint64_t weights_bytes);
void check_call(const Plan& plan, const format::Call& call);
void check_symbols_are_bound(const Plan& plan);
void check_computed_symbols(const Plan& plan);

}  // namespace baryon
