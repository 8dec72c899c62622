#include "variant.h"

#include <algorithm>

#include "cpu.h"

namespace baryon {
namespace {

std::string joined(const std::vector<std::string>& words, const char* between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

std::vector<std::string> names_of(const std::vector<Needs>& variants) {
  std::vector<std::string> names;
  for (const Needs& variant : variants) names.push_back(variant.name);
  return names;
}

// What the variant needs and this CPU lacks; empty if nothing is missing.
std::string lacking(const Needs& variant) {
  if (variant.machine != cpu_machine()) return "a CPU of " + machine_name(variant.machine);
  return joined(missing_features(variant.features), " ");
}

const char* asked_by(const Choice& choice) {
  return choice.by_environment ? " (BARYON_VARIANT)" : "";
}

uint32_t number_of(const std::vector<Needs>& variants, const Choice& choice) {
  for (uint32_t number = 0; number < variants.size(); ++number)
    if (variants[number].name == choice.name) return number;
  fail(BRY_INVALID_ARGUMENT, "the artifact has no variant '%s'%s, it has %s", choice.name.c_str(),
       asked_by(choice), joined(names_of(variants), ", ").c_str());
}

uint32_t asked_variant(const std::vector<Needs>& variants, const Choice& choice) {
  const uint32_t number = number_of(variants, choice);
  const std::string lack = lacking(variants[number]);
  if (!lack.empty())
    fail(BRY_UNSUPPORTED_CPU, "the variant '%s'%s needs what this CPU (%s) does not have: %s",
         choice.name.c_str(), asked_by(choice), cpu_name().c_str(), lack.c_str());
  return number;
}

}  // namespace

std::vector<Needs> read_variants(const Artifact& artifact) {
  std::vector<Needs> variants;
  for (uint32_t number = 0; number < artifact.variant_count(); ++number) {
    Needs variant = read_needs(artifact.plan(number));
    const auto same_name = [&](const Needs& other) { return other.name == variant.name; };
    if (variant.name.empty() || std::any_of(variants.begin(), variants.end(), same_name))
      fail(BRY_BAD_ARTIFACT, "damaged artifact: two variants have the name '%s', or it is empty",
           variant.name.c_str());
    variants.push_back(std::move(variant));
  }
  return variants;
}

uint32_t choose_variant(const std::vector<Needs>& variants, const Choice& choice) {
  const bool has_choice = !choice.by_environment || variants.size() > 1;
  if (!choice.name.empty() && has_choice) return asked_variant(variants, choice);
  std::vector<std::string> reasons;
  for (uint32_t number = 0; number < variants.size(); ++number) {
    const std::string lack = lacking(variants[number]);
    if (lack.empty()) return number;
    reasons.push_back(variants[number].name + " needs " + lack);
  }
  fail(BRY_UNSUPPORTED_CPU, "the artifact needs what this CPU (%s) does not have: %s",
       cpu_name().c_str(), joined(reasons, "; ").c_str());
}

}  // namespace baryon
