#include "signature.h"

#include <algorithm>
#include <cstring>

#include "error.h"

namespace baryon {
namespace {

constexpr char kBegin[] = "-----BEGIN PUBLIC KEY-----";
constexpr char kEnd[] = "-----END PUBLIC KEY-----";
// What stands before the 32 bytes of an Ed25519 key in DER (RFC 8410, section 4).
constexpr uint8_t kDerPrefix[12] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                    0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
// What is signed begins with this text, its NUL included, so that a signature of an artifact is
// none of anything else; the header follows.
constexpr char kContext[] = "baryon artifact signature 1";

// -1 for what is no digit of base64.
int base64_value(char digit) {
  if (digit >= 'A' && digit <= 'Z') return digit - 'A';
  if (digit >= 'a' && digit <= 'z') return digit - 'a' + 26;
  if (digit >= '0' && digit <= '9') return digit - '0' + 52;
  if (digit == '+') return 62;
  return digit == '/' ? 63 : -1;
}

// Base64 with spaces between; empty if it is something else.
std::vector<uint8_t> decode_base64(const char* text, const char* end) {
  std::vector<uint8_t> bytes;
  uint32_t bits = 0;
  int count = 0;
  for (; text != end && *text != '='; ++text) {
    if (strchr(" \t\r\n", *text) != nullptr) continue;
    const int value = base64_value(*text);
    if (value < 0) return {};
    bits = bits << 6 | static_cast<uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<uint8_t>(bits >> count));
  }
  return bytes;
}

PublicKey decode_key(const char* text, const char* end) {
  const std::vector<uint8_t> der = decode_base64(text, end);
  PublicKey key;
  if (der.size() != sizeof kDerPrefix + key.size() ||
      memcmp(der.data(), kDerPrefix, sizeof kDerPrefix) != 0)
    fail(BRY_INVALID_ARGUMENT, "a public key is not one of Ed25519");
  std::copy(der.begin() + sizeof kDerPrefix, der.end(), key.begin());
  return key;
}

std::string hex(const uint8_t (&bytes)[32]) {
  std::string text;
  for (const uint8_t byte : bytes) text += format_text("%02x", byte);
  return text;
}

}  // namespace

std::vector<PublicKey> read_public_keys(const char* pem) {
  std::vector<PublicKey> keys;
  for (const char* at = strstr(pem, kBegin); at != nullptr; at = strstr(at, kBegin)) {
    at += sizeof kBegin - 1;
    const char* end = strstr(at, kEnd);
    if (end == nullptr) fail(BRY_INVALID_ARGUMENT, "a public key has no line \"%s\"", kEnd);
    keys.push_back(decode_key(at, end));
  }
  if (keys.empty())
    fail(BRY_INVALID_ARGUMENT,
         "there is no line \"%s\": a public key is what `openssl pkey -pubout` makes of a private "
         "one",
         kBegin);
  return keys;
}

void check_signature(const format::Header& header, const format::Signature* block,
                     const std::vector<PublicKey>& keys) {
  if (block == nullptr)
    fail(BRY_UNTRUSTED, "the artifact is not signed, and a signature is required");
  const auto is_signer = [=](const PublicKey& key) {
    return memcmp(key.data(), block->public_key, key.size()) == 0;
  };
  const auto key = std::find_if(keys.begin(), keys.end(), is_signer);
  if (key == keys.end())
    fail(BRY_UNTRUSTED, "the artifact is signed by a key that is not trusted: %s",
         hex(block->public_key).c_str());
  uint8_t message[sizeof kContext + sizeof header];
  memcpy(message, kContext, sizeof kContext);
  memcpy(message + sizeof kContext, &header, sizeof header);
  if (!has_signature(*key, block->signature, message, sizeof message))
    fail(BRY_UNTRUSTED,
         "the artifact's signature is not good: its header or the signature was changed after it "
         "was signed");
}

}  // namespace baryon
