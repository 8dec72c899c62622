// One rounding mode for all threads, whatever the caller's thread has: results must not depend on
// it.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace baryon {

// Round to nearest, denormals kept, no traps; the caller's mode comes back at the end.
class FloatMode {
 public:
#if defined(__aarch64__)
  FloatMode() : before_(get()) {
    if (before_ != kDefault) set(kDefault);
  }
  ~FloatMode() {
    if (before_ != kDefault) set(before_);
  }
  FloatMode(const FloatMode&) = delete;
  FloatMode& operator=(const FloatMode&) = delete;

 private:
  static constexpr uint64_t kDefault = 0;
  static uint64_t get() {
    uint64_t mode;
    asm volatile("mrs %0, fpcr" : "=r"(mode));
    return mode;
  }
  static void set(uint64_t mode) { asm volatile("msr fpcr, %0" ::"r"(mode)); }
  uint64_t before_;
#else
  FloatMode() : before_(_mm_getcsr()) {
    if (before_ != kDefault) _mm_setcsr(kDefault);
  }
  ~FloatMode() {
    if ((before_ & ~kFlags) != kDefault) _mm_setcsr(before_);
  }
  FloatMode(const FloatMode&) = delete;
  FloatMode& operator=(const FloatMode&) = delete;

 private:
  static constexpr unsigned kDefault = 0x1F80;
  static constexpr unsigned kFlags = 0x3F;
  unsigned before_;
#endif
};

}  // namespace baryon
