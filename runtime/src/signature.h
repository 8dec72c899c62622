// Who made an artifact: the signature behind its last byte (rule A33).
#pragma once

#include <string>
#include <vector>

#include "ed25519.h"
#include "format.h"

namespace baryon {

// Those of a PEM text, at least one. Throws Error.
std::vector<PublicKey> read_public_keys(const char* pem);

// Throws Error unless `block` (null: the file has none) is the signature of the header by one of
// the keys.
void check_signature(const format::Header& header, const format::Signature* block,
                     const std::vector<PublicKey>& keys);

}  // namespace baryon
