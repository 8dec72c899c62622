// Reads the PLAN section. The checks of single records are in plan_check.cc.
#include <algorithm>

#include "plan.h"
#include "plan_check.h"

namespace baryon {
namespace {

using format::PlanHeader;

const PlanHeader& header_of(const Bytes& section) {
  const auto& header = section.header<PlanHeader>();
  if (header.header_bytes != sizeof(PlanHeader))
    fail(BRY_BAD_ARTIFACT, "damaged artifact: bad header of %s", section.name().c_str());
  if (header.arena_bytes > format::kMaxArenaBytes || header.scratch_bytes > format::kMaxArenaBytes)
    fail(BRY_BAD_ARTIFACT, "damaged artifact: impossible arena or scratch size");
  return header;
}

std::vector<Symbol> read_symbols(const Records<char>& strings,
                                 const Records<format::Symbol>& records) {
  if (records.size() > format::kMaxSymbols)
    fail(BRY_BAD_ARTIFACT, "damaged artifact: more than %u symbols", format::kMaxSymbols);
  std::vector<Symbol> symbols;
  for (const format::Symbol& record : records) {
    const format::Dim most{record.factor, record.symbol, record.reserved};
    symbols.push_back({read_string(strings, record.name), record.min, record.max, most, record.call,
                       record.tensor});
    check_symbol(symbols);
  }
  return symbols;
}

std::vector<Port> read_ports(const Plan& plan, const Records<char>& strings,
                             const Records<format::Port>& records, format::Storage storage) {
  std::vector<Port> ports;
  for (const format::Port& record : records) {
    const format::Tensor& tensor = plan.tensors[record.tensor];
    const format::Tensor* value = record.value == 0 ? nullptr : &plan.tensors[record.value - 1];
    ports.push_back({read_string(strings, record.name), &tensor, plan.shape(tensor), value});
    check_port(plan, ports, storage);
  }
  return ports;
}

}  // namespace

Needs read_needs(const Bytes& section) {
  const PlanHeader& header = header_of(section);
  const auto strings = section.records<char>(header.strings, "strings");
  Needs needs{read_string(strings, header.name), header.machine, {}};
  for (const format::String& text : section.records<format::String>(header.features, "features"))
    needs.features.push_back(read_string(strings, text));
  return needs;
}

Plan::Plan(const Bytes& section, uint64_t weights_bytes) {
  const PlanHeader& header = header_of(section);
  const auto strings = section.records<char>(header.strings, "strings");
  arena_bytes = header.arena_bytes;
  scratch_bytes = header.scratch_bytes;
  symbols = read_symbols(strings, section.records<format::Symbol>(header.symbols, "symbols"));
  for (const Symbol& symbol : symbols) has_computed |= symbol.is_computed();
  dims = section.records<format::Dim>(header.dims, "dims");
  tensors = section.records<format::Tensor>(header.tensors, "tensors");
  kernels = section.records<format::Kernel>(header.kernels, "kernels");
  args = section.records<uint32_t>(header.args, "args");
  calls = section.records<format::Call>(header.calls, "calls");
  for (const format::Dim& dim : dims) check_dim(*this, dim);
  inputs = read_ports(*this, strings, section.records<format::Port>(header.inputs, "inputs"),
                      format::kInput);
  outputs = read_ports(*this, strings, section.records<format::Port>(header.outputs, "outputs"),
                       format::kOutput);
  for (const format::Kernel& kernel : kernels)
    kernel_names.push_back(read_string(strings, kernel.name));
  for (const format::Tensor& tensor : tensors) check_tensor(*this, tensor, weights_bytes);
  for (const uint32_t tensor : args) tensors.range(tensor, 1);
  for (const format::Call& call : calls) check_call(*this, call);
  check_symbols_are_bound(*this);
  check_computed_symbols(*this);
}

void Plan::bound_computed(Symbols* values) const {
  if (!has_computed) return;
  for (size_t i = 0; i < symbols.size(); ++i)
    if (symbols[i].is_computed()) (*values)[i] = value_of(symbols[i].most, *values);
}

const format::Dim* Plan::shape(const format::Tensor& tensor) const {
  if (tensor.ndim > format::kMaxDims)
    fail(BRY_BAD_ARTIFACT, "damaged artifact: a tensor has %u dimensions", tensor.ndim);
  return dims.range(tensor.first_dim, tensor.ndim);
}

const format::Dim* Plan::strides(const format::Tensor& tensor) const {
  if (tensor.first_stride == format::kContiguous) return nullptr;
  return dims.range(tensor.first_stride, tensor.ndim);
}

bool Plan::is_symbolic(const format::Tensor& tensor) const {
  const auto has_symbol = [](const format::Dim& dim) { return dim.symbol >= 0; };
  const format::Dim* steps = strides(tensor);
  const format::Dim* sizes = shape(tensor);
  return std::any_of(sizes, sizes + tensor.ndim, has_symbol) ||
         (steps != nullptr && std::any_of(steps, steps + tensor.ndim, has_symbol));
}

}  // namespace baryon
