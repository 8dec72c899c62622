// What this CPU can do.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace baryon {

// Those of `features` (LLVM's names, see docs/spec/artifact.md) that the CPU or the operating
// system does not offer to this process, in their order. Names that are not known count as missing.
std::vector<std::string> missing_features(const std::vector<std::string>& features);

// ELF's number of this CPU's instruction set, and "x86-64", say, for such a number.
uint32_t cpu_machine();
std::string machine_name(uint32_t machine);

// "AMD EPYC 7763 64-Core Processor", say.
std::string cpu_name();

}  // namespace baryon
