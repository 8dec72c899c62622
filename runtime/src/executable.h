// A loaded artifact.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "artifact.h"
#include "code_image.h"
#include "network.h"
#include "pool.h"
#include "trace.h"
#include "variant.h"

namespace baryon {

struct Options {
  int threads;
  bool verify_weights;
  uint32_t spin_us;
  Choice variant;
  std::vector<PublicKey> signers;  // one of them must have signed; empty: nobody need have
};

class Executable {
 public:
  // Throws Error.
  Executable(MappedFile file, const Options& options);
  Executable(const Executable&) = delete;

  const Artifact& artifact() const { return artifact_; }
  const Plan& plan() const { return plan_; }
  const Network& network() const { return network_; }
  const CodeImage& code() const { return code_; }
  // Of all builds in the artifact, best first; the number of the one that runs, and its META.
  const std::vector<Needs>& variants() const { return variants_; }
  uint32_t variant() const { return variant_; }
  const Bytes& meta() const { return meta_; }
  int threads() const { return pool_->threads(); }

  // Any number of threads at the same time, each with a trace of its own or null. Returns the
  // symbols' values after the run. Outputs have memory for computed symbols at their greatest.
  Symbols run(Tensors inputs, Tensors outputs, Trace* trace);
  // Some of the calls of a run whose memory the caller keeps; one thread at a time per context.
  void run_part(Context& context, Tensors inputs, Tensors outputs, size_t first, size_t count,
                Trace* trace);

  // The network on each set of arrays, piece by piece, in one launch; see bry_map.
  void map(uint32_t cut, const bry_set* sets, uint32_t set_count);

  std::unique_ptr<Context> take_context();
  void give_back(std::unique_ptr<Context> context);

 private:
  Artifact artifact_;
  const std::vector<Needs> variants_;
  const uint32_t variant_;
  const Bytes meta_;
  const Plan plan_;
  const CodeImage code_;
  const Network network_;
  const std::shared_ptr<Pool> pool_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Context>> idle_;
};

}  // namespace baryon
