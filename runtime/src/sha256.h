// SHA-256 (FIPS 180-4), with the CPU's SHA instructions where it has them.
#pragma once

#include <array>
#include <cstdint>

namespace baryon {

using Digest = std::array<uint8_t, 32>;

Digest sha256(const void* data, uint64_t bytes);

// Without the CPU's instructions: for tests.
Digest sha256_portable(const void* data, uint64_t bytes);

}  // namespace baryon
