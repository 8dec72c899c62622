// How compiled kernels are called: TVM's convention, of which the runtime needs two structs. They
// are declared here, so that building it needs no headers but the compiler's. Layouts: DLPack 1.0
// (dlpack/dlpack.h) and apache-tvm-ffi 0.1 (tvm/ffi/c_api.h); tests/runtime compares them.
#pragma once

#include <cstdint>

namespace baryon {

// DLTensor
struct KernelTensor {
  void* data;
  int32_t device_type, device_number;
  int32_t ndim;
  struct {
    uint8_t code, bits;
    uint16_t lanes;
  } dtype;
  int64_t* shape;
  int64_t* strides;  // null: row-major without gaps
  uint64_t byte_offset;
};

constexpr int32_t kDeviceCpu = 1;  // kDLCPU

// TVMFFIAny
struct KernelValue {
  int32_t type_index;
  uint32_t zero_padding;
  union {
    void* pointer;
    int64_t integer;
  };
};

constexpr int32_t kTensorPointer = 7;  // kTVMFFIDLTensorPtr

// 0, or another number after an error was raised (raised.h).
using KernelEntry = int32_t (*)(void* self, const KernelValue* args, int32_t count,
                                KernelValue* result);

}  // namespace baryon
