#include "ed25519.h"

#include <dlfcn.h>

#include "error.h"

namespace baryon {
namespace {

// OpenSSL's types and functions (evp.h), which have had this form since its version 1.1.1. They are
// declared here, so that the library builds without OpenSSL's headers and runs where it is missing.
struct EvpPkey;
struct EvpMdCtx;
constexpr int kEd25519 = 1087;  // EVP_PKEY_ED25519

struct Crypto {
  EvpPkey* (*new_public_key)(int type, void* engine, const uint8_t* key, size_t bytes);
  void (*free_key)(EvpPkey* key);
  EvpMdCtx* (*new_context)();
  void (*free_context)(EvpMdCtx* context);
  int (*start)(EvpMdCtx* context, void** key_context, const void* digest, void* engine,
               EvpPkey* key);
  int (*verify)(EvpMdCtx* context, const uint8_t* signature, size_t signature_bytes,
                const uint8_t* message, size_t bytes);
};

template <typename Function>
void find(void* library, const char* name, Function** function) {
  *function = reinterpret_cast<Function*>(dlsym(library, name));
  if (*function == nullptr)
    fail(BRY_UNTRUSTED, "no signature can be checked: libcrypto has no %s", name);
}

Crypto load_crypto() {
  void* library = nullptr;
  for (const char* name : {"libcrypto.so.4", "libcrypto.so.3", "libcrypto.so.1.1"})
    if (library == nullptr) library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr)
    fail(BRY_UNTRUSTED,
         "no signature can be checked, as this machine has no libcrypto.so.3: install OpenSSL "
         "(Debian: libssl3, Fedora: openssl-libs)");
  Crypto crypto{};
  find(library, "EVP_PKEY_new_raw_public_key", &crypto.new_public_key);
  find(library, "EVP_PKEY_free", &crypto.free_key);
  find(library, "EVP_MD_CTX_new", &crypto.new_context);
  find(library, "EVP_MD_CTX_free", &crypto.free_context);
  find(library, "EVP_DigestVerifyInit", &crypto.start);
  find(library, "EVP_DigestVerify", &crypto.verify);
  return crypto;
}

}  // namespace

bool has_signature(const PublicKey& key, const uint8_t (&signature)[64], const uint8_t* message,
                   size_t bytes) {
  static const Crypto crypto = load_crypto();  // tried again by the next call if it throws
  EvpPkey* public_key = crypto.new_public_key(kEd25519, nullptr, key.data(), key.size());
  EvpMdCtx* context = crypto.new_context();
  const bool good = public_key != nullptr && context != nullptr &&
                    crypto.start(context, nullptr, nullptr, nullptr, public_key) == 1 &&
                    crypto.verify(context, signature, sizeof signature, message, bytes) == 1;
  crypto.free_context(context);  // both take null
  crypto.free_key(public_key);
  return good;
}

}  // namespace baryon
