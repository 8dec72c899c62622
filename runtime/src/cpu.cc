#include "cpu.h"

#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <fstream>

#include "error.h"
#include "format.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace baryon {

#if defined(__x86_64__)
namespace {

enum Register { kEax, kEbx, kEcx, kEdx };

// Registers that the operating system must save for the feature to be usable (bits of XCR0).
enum State : uint64_t { kNone = 0, kYmm = 0x6, kZmm = 0xE6, kTiles = 0x60000 };

struct Feature {
  const char* name;
  uint32_t leaf, subleaf;
  Register reg;
  int bit;
  State state;
};

constexpr Feature kFeatures[] = {
    {"sse3", 1, 0, kEcx, 0, kNone},
    {"pclmul", 1, 0, kEcx, 1, kNone},
    {"ssse3", 1, 0, kEcx, 9, kNone},
    {"fma", 1, 0, kEcx, 12, kYmm},
    {"sse4.1", 1, 0, kEcx, 19, kNone},
    {"sse4.2", 1, 0, kEcx, 20, kNone},
    {"movbe", 1, 0, kEcx, 22, kNone},
    {"popcnt", 1, 0, kEcx, 23, kNone},
    {"aes", 1, 0, kEcx, 25, kNone},
    {"avx", 1, 0, kEcx, 28, kYmm},
    {"f16c", 1, 0, kEcx, 29, kYmm},
    {"bmi", 7, 0, kEbx, 3, kNone},
    {"avx2", 7, 0, kEbx, 5, kYmm},
    {"bmi2", 7, 0, kEbx, 8, kNone},
    {"avx512f", 7, 0, kEbx, 16, kZmm},
    {"avx512dq", 7, 0, kEbx, 17, kZmm},
    {"adx", 7, 0, kEbx, 19, kNone},
    {"avx512ifma", 7, 0, kEbx, 21, kZmm},
    {"avx512cd", 7, 0, kEbx, 28, kZmm},
    {"sha", 7, 0, kEbx, 29, kNone},
    {"avx512bw", 7, 0, kEbx, 30, kZmm},
    {"avx512vl", 7, 0, kEbx, 31, kZmm},
    {"avx512vbmi", 7, 0, kEcx, 1, kZmm},
    {"avx512vbmi2", 7, 0, kEcx, 6, kZmm},
    {"gfni", 7, 0, kEcx, 8, kNone},
    {"vaes", 7, 0, kEcx, 9, kYmm},
    {"vpclmulqdq", 7, 0, kEcx, 10, kYmm},
    {"avx512vnni", 7, 0, kEcx, 11, kZmm},
    {"avx512bitalg", 7, 0, kEcx, 12, kZmm},
    {"avx512vpopcntdq", 7, 0, kEcx, 14, kZmm},
    {"amx-bf16", 7, 0, kEdx, 22, kTiles},
    {"avx512fp16", 7, 0, kEdx, 23, kZmm},
    {"amx-tile", 7, 0, kEdx, 24, kTiles},
    {"amx-int8", 7, 0, kEdx, 25, kTiles},
    {"avxvnni", 7, 1, kEax, 4, kYmm},
    {"avx512bf16", 7, 1, kEax, 5, kZmm},
    {"amx-fp16", 7, 1, kEax, 21, kTiles},
    {"avxifma", 7, 1, kEax, 23, kYmm},
    {"avxvnniint8", 7, 1, kEdx, 4, kYmm},
    {"avxneconvert", 7, 1, kEdx, 5, kYmm},
    {"lzcnt", 0x80000001, 0, kEcx, 5, kNone},
};

// Whether the CPU has the bit; leaves that it does not know answer 0.
bool cpu_has(const Feature& feature) {
  uint32_t registers[4] = {};
  if (!__get_cpuid_count(feature.leaf, feature.subleaf, &registers[0], &registers[1], &registers[2],
                         &registers[3]))
    return false;
  return registers[feature.reg] >> feature.bit & 1;
}

uint64_t saved_states() {
  constexpr Feature kOsxsave = {"osxsave", 1, 0, kEcx, 27, kNone};
  if (!cpu_has(kOsxsave)) return 0;
  uint32_t low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return static_cast<uint64_t>(high) << 32 | low;
}

// Linux gives the large tile registers only to processes that ask.
bool may_use_tiles() {
  constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

bool is_usable(const Feature& feature) {
  if (!cpu_has(feature) || (saved_states() & feature.state) != feature.state) return false;
  return feature.state != kTiles || may_use_tiles();
}

bool is_usable(const std::string& name) {
  for (const Feature& feature : kFeatures)
    if (name == feature.name) return is_usable(feature);
  return false;
}

}  // namespace

std::string cpu_name() {
  char name[49] = {};
  for (uint32_t i = 0; i < 3; ++i) {
    uint32_t registers[4] = {};
    __get_cpuid(0x80000002 + i, &registers[0], &registers[1], &registers[2], &registers[3]);
    memcpy(name + 16 * i, registers, sizeof registers);
  }
  std::string text(name);
  text.erase(0, text.find_first_not_of(' '));
  text.erase(text.find_last_not_of(' ') + 1);
  return text.empty() ? "unknown x86-64" : text;
}

uint32_t cpu_machine() { return format::kX86_64; }

#elif defined(__aarch64__)
namespace {

struct Feature {
  const char* name;
  uint64_t bit;  // of AT_HWCAP, which the kernel sets for what it lets processes use
};

constexpr Feature kFeatures[] = {
    {"neon", 1 << 1},
};

bool is_usable(const std::string& name) {
  for (const Feature& feature : kFeatures)
    if (name == feature.name) return (getauxval(AT_HWCAP) & feature.bit) != 0;
  return false;
}

}  // namespace

// Linux has no name of the CPU, only numbers of its maker and model (MIDR_EL1).
std::string cpu_name() {
  std::ifstream file("/sys/devices/system/cpu/cpu0/regs/identification/midr_el1");
  std::string number;
  return file >> number ? "AArch64, MIDR " + number : "AArch64";
}

uint32_t cpu_machine() { return format::kAArch64; }

#else
#error "baryon's runtime knows x86-64 and AArch64"
#endif

std::string machine_name(uint32_t machine) {
  switch (machine) {
    case format::kX86_64:
      return "x86-64";
    case format::kAArch64:
      return "AArch64";
    default:
      return format_text("ELF machine %u", machine);
  }
}

std::vector<std::string> missing_features(const std::vector<std::string>& features) {
  std::vector<std::string> missing;
  for (const std::string& name : features)
    if (!is_usable(name)) missing.push_back(name);
  return missing;
}

}  // namespace baryon
