// Builds for different CPUs in one artifact: which one to run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "artifact.h"
#include "plan.h"

namespace baryon {

// A variant that somebody asked for; `name` empty: the best one for this CPU. What the environment
// asks for counts only where there is a choice: it is said once for all artifacts of a process.
struct Choice {
  std::string name;
  bool by_environment = false;
};

// All variants, in the order of the file (rule A31). Throws Error.
std::vector<Needs> read_variants(const Artifact& artifact);

// The number of the first variant that this CPU can execute, or of the one asked for. Throws Error
// if there is none, or if the one asked for cannot run here.
uint32_t choose_variant(const std::vector<Needs>& variants, const Choice& choice);

}  // namespace baryon
