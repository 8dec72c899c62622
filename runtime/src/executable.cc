#include "executable.h"

#include "float_mode.h"
#include "workspace.h"

namespace baryon {
namespace {

// All that is asked for is verified before anything of the artifact is mapped to be executed.
Artifact checked(MappedFile file, const Options& options) {
  Artifact artifact(std::move(file), options.signers);
  if (options.verify_weights || !options.signers.empty()) artifact.verify_all();
  return artifact;
}

}  // namespace

Executable::Executable(MappedFile file, const Options& options)
    : artifact_(checked(std::move(file), options)),
      variants_(read_variants(artifact_)),
      variant_(choose_variant(variants_, options.variant)),
      meta_(artifact_.meta(variant_)),
      plan_(artifact_.plan(variant_), artifact_.weights().size()),
      code_(artifact_.code(variant_), artifact_.file().descriptor()),
      network_(plan_, code_.image(), artifact_.weights()),
      pool_(Pool::shared(options.threads, options.spin_us)) {
  artifact_.close_descriptor();
}

Symbols Executable::run(Tensors inputs, Tensors outputs, Trace* trace) {
  std::unique_ptr<Context> context = take_context();
  run_part(*context, inputs, outputs, 0, network_.calls.size(), trace);
  const Symbols symbols = context->symbols();
  give_back(std::move(context));
  return symbols;
}

void Executable::run_part(Context& context, Tensors inputs, Tensors outputs, size_t first,
                          size_t count, Trace* trace) {
  if (first > network_.calls.size() || count > network_.calls.size() - first)
    fail(BRY_INVALID_ARGUMENT, "calls %zu to %zu, there are %zu", first, first + count,
         network_.calls.size());
  const Symbols symbols = bind_symbols(plan_, inputs);
  check_memory(plan_, inputs, network_.weights);
  check_outputs(plan_, outputs, symbols);
  context.bind(inputs, outputs, symbols, first > 0);
  Workspace& workspace = Workspace::of_this_thread();
  workspace.reserve(plan_.scratch_bytes);
  const Workspace::Mark mark = workspace.mark();
  try {
    const FloatMode mode;
    const Pool::Scope scope(*pool_, trace);
    context.run(first, count, trace);
  } catch (...) {
    workspace.rewind(mark);
    throw;
  }
}

std::unique_ptr<Context> Executable::take_context() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!idle_.empty()) {
      std::unique_ptr<Context> context = std::move(idle_.back());
      idle_.pop_back();
      return context;
    }
  }
  return std::make_unique<Context>(network_);
}

void Executable::give_back(std::unique_ptr<Context> context) {
  const std::lock_guard<std::mutex> lock(mutex_);
  idle_.push_back(std::move(context));
}

}  // namespace baryon
