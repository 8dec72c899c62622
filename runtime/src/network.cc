#include "network.h"

namespace baryon {

Network::Network(const Plan& plan, const Image& image, const Bytes& weights)
    : plan(plan), weights(weights) {
  Symbols maxima{};
  for (size_t i = 0; i < plan.symbols.size(); ++i) maxima[i] = plan.symbols[i].max;
  for (uint32_t i = 0; i < plan.tensors.size(); ++i) {
    const format::Tensor& tensor = plan.tensors[i];
    positions.push_back(numbers.size());
    add_numbers(plan.shape(tensor), tensor.ndim, maxima);
    if (const format::Dim* strides = plan.strides(tensor))
      add_numbers(strides, tensor.ndim, maxima);
    if (tensor.storage == format::kInput || tensor.storage == format::kOutput) add_view(i);
  }
  for (const format::Call& call : plan.calls) {
    const void* entry = image.kernel(plan.kernels[call.kernel].entry);
    calls.push_back({reinterpret_cast<KernelEntry>(const_cast<void*>(entry)),
                     plan.kernel_names[call.kernel].c_str(), call.first_arg,
                     static_cast<int32_t>(call.arg_count), false});
  }
  for (const Symbol& symbol : plan.symbols)
    if (symbol.is_computed()) calls[symbol.call].defines = true;
  for (const format::Kernel& kernel : plan.kernels) image.kernel(kernel.entry);
}

void Network::add_numbers(const format::Dim* dims, uint32_t count, const Symbols& symbols) {
  for (uint32_t i = 0; i < count; ++i) {
    if (dims[i].symbol >= 0) variables.push_back({numbers.size(), dims[i]});
    numbers.push_back(value_of(dims[i], symbols));
  }
}

void Network::add_view(uint32_t number) {
  const format::Tensor& tensor = plan.tensors[number];
  const bool of_output = tensor.storage == format::kOutput;
  const auto& ports = of_output ? plan.outputs : plan.inputs;
  const format::Tensor& whole = *ports[tensor.index].tensor;
  const bool symbolic = plan.is_symbolic(tensor) || plan.is_symbolic(whole);
  views.push_back({number, tensor.index, of_output, symbolic && &tensor != &whole});
}

void Network::check_views(const Symbols& symbols) const {
  for (const View& view : views) {
    if (!view.changes) continue;
    const auto& ports = view.of_output ? plan.outputs : plan.inputs;
    const format::Tensor& tensor = plan.tensors[view.tensor];
    const uint64_t room = plan.extent(*ports[view.port].tensor, symbols);
    if (!fits(tensor.byte_offset, plan.extent(tensor, symbols), room))
      fail(BRY_BAD_ARTIFACT, "damaged artifact: for these shapes a tensor is outside '%s'",
           ports[view.port].name.c_str());
  }
}

}  // namespace baryon
