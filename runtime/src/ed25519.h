// Ed25519 (RFC 8032) by OpenSSL's libcrypto, which is loaded when a signature is checked.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace baryon {

using PublicKey = std::array<uint8_t, 32>;

// Throws Error where this machine has no libcrypto.
bool has_signature(const PublicKey& key, const uint8_t (&signature)[64], const uint8_t* message,
                   size_t bytes);

}  // namespace baryon
