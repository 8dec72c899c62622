#include "artifact.h"

#include <algorithm>
#include <cstring>

#include "sha256.h"

namespace baryon {
namespace {

using format::Header;
using format::Section;
using format::Signature;

std::string name_of(const Section& section) {
  static constexpr const char* kNames[] = {"", "META", "PLAN", "CODE", "WEIGHTS"};
  if (section.kind < 1 || section.kind > 4) return format_text("section of kind %u", section.kind);
  if (section.kind == format::kWeights && section.variant == 0) return "section WEIGHTS";
  return format_text("section %s of variant %u", kNames[section.kind], section.variant);
}

bool is_known(uint32_t kind) { return kind >= format::kMeta && kind <= format::kWeights; }

bool has_hash(const uint8_t* data, uint64_t bytes, const uint8_t (&expected)[32]) {
  const Digest digest = sha256(data, bytes);
  return memcmp(digest.data(), expected, digest.size()) == 0;
}

}  // namespace

Artifact::Artifact(MappedFile file, const std::vector<PublicKey>& signers)
    : file_(std::move(file)) {
  check_header();
  if (!signers.empty()) check_signature(header(), signature(), signers);
  read_table();
  check_variants();
}

void Artifact::check_header() const {
  const uint64_t size = file_.size();
  const auto* header = reinterpret_cast<const Header*>(file_.data());
  if (size < sizeof header->magic || memcmp(header->magic, format::kMagic, 8) != 0)
    fail(BRY_BAD_ARTIFACT, "not a baryon artifact: it does not start with \"BARYON\\r\\n\"");
  if (size < sizeof(Header))
    fail(BRY_BAD_ARTIFACT, "truncated artifact: %llu bytes, its header has %zu",
         static_cast<unsigned long long>(size), sizeof(Header));
  if (header->version != format::kVersion)
    fail(BRY_BAD_ARTIFACT,
         "the artifact has format version %u, this runtime reads version %u: compile the network "
         "again, or use the runtime that came with its compiler",
         header->version, format::kVersion);
  if (header->file_bytes != size && signature() == nullptr)
    fail(BRY_BAD_ARTIFACT, "%s artifact: %llu bytes, its header says %llu%s",
         size < header->file_bytes ? "truncated" : "damaged", static_cast<unsigned long long>(size),
         static_cast<unsigned long long>(header->file_bytes),
         size < header->file_bytes ? "" : ", and what follows is no signature");
  const auto* rest = std::begin(header->reserved2);
  const bool zeros =
      std::all_of(rest, std::end(header->reserved2), [](uint8_t b) { return b == 0; });
  if (header->header_bytes != sizeof(Header) || header->reserved != 0 || !zeros)
    fail(BRY_BAD_ARTIFACT, "damaged artifact: bad header");
}

const Signature* Artifact::signature() const {
  const uint64_t start = header().file_bytes;
  if (file_.size() < sizeof(Signature) || start != file_.size() - sizeof(Signature)) return nullptr;
  const auto* block = reinterpret_cast<const Signature*>(file_.data() + start);
  return memcmp(block->magic, format::kSignatureMagic, 8) == 0 ? block : nullptr;
}

void Artifact::read_table() {
  const Header& header = this->header();
  if (header.section_count == 0 || header.section_count > format::kMaxSections)
    fail(BRY_BAD_ARTIFACT, "damaged artifact: %u sections", header.section_count);
  const Bytes whole(file_.data(), header.file_bytes, "the file");
  sections_ = whole.records<Section>({header.table_offset, header.section_count}, "sections");
  if (!has_hash(file_.data() + header.table_offset, header.section_count * sizeof(Section),
                header.table_sha256))
    fail(BRY_BAD_ARTIFACT, "damaged artifact: the section table does not have its SHA-256");
  for (const Section& section : sections_) check_section(section);
}

void Artifact::check_section(const Section& section) const {
  const bool paged = section.kind == format::kCode || section.kind == format::kWeights;
  const uint64_t alignment = paged ? format::kPage : 8;
  if (!fits(section.offset, section.bytes, header().file_bytes))
    fail(BRY_BAD_ARTIFACT, "damaged artifact: %s (%llu bytes at %llu) is outside the file",
         name_of(section).c_str(), static_cast<unsigned long long>(section.bytes),
         static_cast<unsigned long long>(section.offset));
  if (is_known(section.kind) && section.offset % alignment != 0)
    fail(BRY_BAD_ARTIFACT, "damaged artifact: %s is not aligned to %llu bytes",
         name_of(section).c_str(), static_cast<unsigned long long>(alignment));
  if (is_known(section.kind) && find(section.kind, section.variant) != &section)
    fail(BRY_BAD_ARTIFACT, "damaged artifact: %s is there twice", name_of(section).c_str());
}

void Artifact::check_variants() {
  const auto count = [this](uint32_t kind) {
    return std::count_if(sections_.begin(), sections_.end(),
                         [=](const Section& section) { return section.kind == kind; });
  };
  while (find(format::kPlan, variant_count_) != nullptr) ++variant_count_;
  for (uint32_t variant = 0; variant < variant_count_; ++variant) {
    section(format::kMeta, variant);
    section(format::kCode, variant);
  }
  const bool complete = variant_count_ > 0 && count(format::kMeta) == variant_count_ &&
                        count(format::kPlan) == variant_count_ &&
                        count(format::kCode) == variant_count_;
  if (!complete) fail(BRY_BAD_ARTIFACT, "damaged artifact: its variants are not complete");
  if (count(format::kWeights) != (find(format::kWeights, 0) != nullptr ? 1 : 0))
    fail(BRY_BAD_ARTIFACT, "damaged artifact: a variant has weights of its own");
}

const Section* Artifact::find(uint32_t kind, uint32_t variant) const {
  for (const Section& section : sections_)
    if (section.kind == kind && section.variant == variant) return &section;
  return nullptr;
}

const Section& Artifact::section(uint32_t kind, uint32_t variant) const {
  const Section* section = find(kind, variant);
  if (section == nullptr)
    fail(BRY_BAD_ARTIFACT, "damaged artifact: it has no %s",
         name_of({kind, variant, 0, 0, {}}).c_str());
  return *section;
}

Bytes Artifact::bytes_of(const Section& section) const {
  return {file_.data() + section.offset, section.bytes, name_of(section)};
}

Bytes Artifact::verified(const Section& section) const {
  Bytes bytes = bytes_of(section);
  if (!has_hash(bytes.data(), bytes.size(), section.sha256))
    fail(BRY_BAD_ARTIFACT, "damaged artifact: %s does not have its SHA-256", bytes.name().c_str());
  return bytes;
}

Code Artifact::code(uint32_t variant) const {
  const Section& entry = section(format::kCode, variant);
  return {verified(entry), entry.offset};
}

Bytes Artifact::weights() const {
  const Section* weights = find(format::kWeights, 0);
  return weights != nullptr ? bytes_of(*weights) : Bytes(nullptr, 0, "section WEIGHTS");
}

void Artifact::verify_all() const {
  for (const Section& section : sections_) verified(section);
}

}  // namespace baryon
