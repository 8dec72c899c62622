// The file: header, section table, hashes (rules A1 to A10).
#pragma once

#include <cstdint>
#include <vector>

#include "code.h"
#include "format.h"
#include "mapping.h"
#include "reader.h"
#include "signature.h"

namespace baryon {

class Artifact {
 public:
  // Checks everything but the hashes of the sections. signers: one of these must have signed it;
  // empty: nobody need have. Throws Error.
  Artifact(MappedFile file, const std::vector<PublicKey>& signers);

  const MappedFile& file() const { return file_; }
  void close_descriptor() { file_.close_descriptor(); }

  uint32_t variant_count() const { return variant_count_; }
  // These verify the hash.
  Bytes meta(uint32_t variant) const { return verified(section(format::kMeta, variant)); }
  Bytes plan(uint32_t variant) const { return verified(section(format::kPlan, variant)); }
  Code code(uint32_t variant) const;
  // Of all variants. Not verified. Empty if the artifact has none.
  Bytes weights() const;

  // Verifies each section. Throws Error.
  void verify_all() const;

 private:
  void check_header() const;
  const format::Header& header() const {
    return *reinterpret_cast<const format::Header*>(file_.data());
  }
  const format::Signature* signature() const;
  void read_table();
  void check_section(const format::Section& section) const;
  void check_variants();
  const format::Section* find(uint32_t kind, uint32_t variant) const;
  const format::Section& section(uint32_t kind, uint32_t variant) const;
  Bytes bytes_of(const format::Section& section) const;
  Bytes verified(const format::Section& section) const;

  MappedFile file_;
  Records<format::Section> sections_;
  uint32_t variant_count_ = 0;
};

}  // namespace baryon
