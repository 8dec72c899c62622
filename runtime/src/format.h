// The artifact file's records, byte for byte. The rules (A1 to A37) are in docs/spec/artifact.md.
#pragma once

#include <cstdint>

namespace baryon::format {

inline constexpr char kMagic[8] = {'B', 'A', 'R', 'Y', 'O', 'N', '\r', '\n'};
inline constexpr uint32_t kVersion = 3;
inline constexpr char kSignatureMagic[8] = {'B', 'A', 'R', 'Y', 'S', 'I', 'G', '1'};
inline constexpr uint64_t kPage = 4096;
inline constexpr uint32_t kMaxSections = 4096;
inline constexpr uint64_t kMaxArenaBytes = uint64_t{1} << 40;
inline constexpr uint64_t kMaxImageBytes = uint64_t{1} << 31;
inline constexpr uint64_t kMaxDataBytes = uint64_t{1} << 28;
inline constexpr int64_t kMaxSymbol = int64_t{1} << 31;
inline constexpr uint32_t kMaxDims = 16;
inline constexpr uint32_t kMaxSymbols = 64;
inline constexpr uint32_t kMaxArgs = 256;
inline constexpr uint32_t kContiguous = 0xFFFFFFFF;
inline constexpr int32_t kLiteral = -1;
inline constexpr uint32_t kOfInputs = 0xFFFFFFFF;

// ELF's numbers of instruction sets.
enum Machine : uint32_t { kX86_64 = 62, kAArch64 = 183 };

// What code is aligned to: no Linux of that machine has larger pages.
inline constexpr uint64_t image_page(uint32_t machine) {
  return machine == kAArch64 ? uint64_t{1} << 16 : kPage;
}

struct Header {
  char magic[8];
  uint32_t version;
  uint32_t header_bytes;
  uint64_t file_bytes;
  uint64_t table_offset;
  uint32_t section_count;
  uint32_t reserved;
  uint8_t table_sha256[32];
  uint8_t reserved2[24];
};

// Behind the last byte of a signed file.
struct Signature {
  char magic[8];
  uint8_t public_key[32];
  uint8_t signature[64];
};

enum SectionKind : uint32_t { kMeta = 1, kPlan = 2, kCode = 3, kWeights = 4 };

struct Section {
  uint32_t kind;
  uint32_t variant;
  uint64_t offset;
  uint64_t bytes;
  uint8_t sha256[32];
};

// Offset from the start of the section; count of records.
struct Table {
  uint64_t offset;
  uint64_t count;
};

struct String {
  uint32_t offset;
  uint32_t length;
};

struct PlanHeader {
  uint32_t header_bytes;
  uint32_t machine;
  String name;
  uint64_t arena_bytes;
  uint64_t scratch_bytes;
  Table strings, features, symbols, dims, tensors, inputs, outputs, kernels, args, calls;
};

// call kOfInputs: its value is that of the inputs' shapes; otherwise what that call has written to
// the tensor, at most factor times the value of the symbol before it.
struct Symbol {
  String name;
  int64_t min;
  int64_t max;
  int64_t factor;
  int32_t symbol;
  uint32_t call;
  uint32_t tensor;
  uint32_t reserved;
};

struct Dim {
  int64_t factor;
  int32_t symbol;
  uint32_t reserved;
};

enum Storage : uint32_t { kInput = 0, kOutput = 1, kArena = 2, kWeight = 3 };

struct Tensor {
  uint8_t code;
  uint8_t bits;
  uint16_t lanes;
  uint32_t ndim;
  uint32_t first_dim;
  uint32_t first_stride;
  uint32_t storage;
  uint32_t index;
  uint64_t byte_offset;
  uint64_t byte_extent;
  uint64_t reserved;
};

struct Port {
  String name;
  uint32_t tensor;
  uint32_t value;  // of an input that is fixed: the number of a tensor, plus one
};

struct Kernel {
  String name;
  uint64_t entry;
};

struct Call {
  uint32_t kernel;
  uint32_t first_arg;
  uint32_t arg_count;
  uint32_t reserved;
};

struct CodeHeader {
  uint32_t header_bytes;
  uint32_t reserved;
  uint64_t image_offset;
  uint64_t image_bytes;
  uint64_t data_bytes;
  Table strings, imports, slots;
};

enum SlotKind : uint32_t { kSlotImport = 0, kSlotAddress = 1 };

struct Slot {
  uint64_t data_offset;
  uint32_t kind;
  uint32_t import;
  uint64_t address;
};

static_assert(sizeof(Header) == 96 && sizeof(Section) == 56 && sizeof(Signature) == 104);
static_assert(sizeof(PlanHeader) == 192 && sizeof(Tensor) == 48 && sizeof(Symbol) == 48);
static_assert(sizeof(Dim) == 16 && sizeof(Port) == 16 && sizeof(Kernel) == 16 &&
              sizeof(Call) == 16);
static_assert(sizeof(CodeHeader) == 80 && sizeof(Slot) == 24 && sizeof(String) == 8);

}  // namespace baryon::format
