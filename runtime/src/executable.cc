#include "executable.h"

#include "cpu.h"
#include "float_mode.h"
#include "workspace.h"

namespace baryon {
namespace {

// The first build that this CPU can execute.
uint32_t choose_variant(const Artifact& artifact) {
  std::string reasons;
  for (uint32_t variant = 0; variant < artifact.variant_count(); ++variant) {
    const std::vector<std::string> missing =
        missing_features(read_features(artifact.plan(variant)));
    if (missing.empty()) return variant;
    reasons += variant == 0 ? "" : "; another build needs";
    for (const std::string& name : missing) reasons += " " + name;
  }
  fail(BRY_UNSUPPORTED_CPU, "the artifact needs CPU features that this CPU (%s) does not have:%s",
       cpu_name().c_str(), reasons.c_str());
}

}  // namespace

Executable::Executable(MappedFile file, const Options& options)
    : artifact_(std::move(file)),
      variant_(choose_variant(artifact_)),
      plan_(artifact_.plan(variant_), artifact_.weights(variant_).size()),
      code_(artifact_.code(variant_), artifact_.file()),
      network_(plan_, code_, artifact_.weights(variant_)),
      pool_(Pool::shared(options.threads, options.spin_us)) {
  if (options.verify_weights) artifact_.verify_all();
  artifact_.close_descriptor();
}

void Executable::run(Tensors inputs, Tensors outputs, Trace* trace) {
  std::unique_ptr<Context> context = take_context();
  run_part(*context, inputs, outputs, 0, network_.calls.size(), trace);
  give_back(std::move(context));
}

void Executable::run_part(Context& context, Tensors inputs, Tensors outputs, size_t first,
                          size_t count, Trace* trace) {
  if (first > network_.calls.size() || count > network_.calls.size() - first)
    fail(BRY_INVALID_ARGUMENT, "calls %zu to %zu, there are %zu", first, first + count,
         network_.calls.size());
  const Symbols symbols = bind_symbols(plan_, inputs);
  check_memory(plan_, inputs);
  check_outputs(plan_, outputs, symbols);
  context.bind(inputs, outputs, symbols);
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
