#include "imports.h"

#include <cmath>
#include <cstring>

#include "pool.h"
#include "raised.h"
#include "workspace.h"

namespace baryon {
namespace {

// ---- What TVM's generated code expects (tvm/ffi/c_api.h, tvm/runtime/c_backend_api.h)
// ------------

void raise_error(const char* kind, const char** parts, int32_t count) noexcept {
  try {
    std::string message = kind != nullptr ? kind : "Error";
    message += ": ";
    for (int32_t i = 0; i < count; ++i)
      if (parts[i] != nullptr) message += parts[i];
    set_raised(std::move(message));
  } catch (const std::bad_alloc&) {
    set_raised({});
  }
}

int parallel_launch(TaskBody body, void* closure, int tasks) {
  return Pool::launch(body, closure, tasks);
}

void* allocate_workspace(int, int, uint64_t bytes, int, int) {
  void* pointer = Workspace::of_this_thread().allocate(bytes);
  if (pointer == nullptr)
    set_raised("no memory for " + std::to_string(bytes) + " bytes of workspace");
  return pointer;
}

int free_workspace(int, int, void* pointer) {
  if (Workspace::of_this_thread().release(pointer)) return 0;
  set_raised("workspace was given back out of order");
  return -1;
}

// ---- By name
// ---------------------------------------------------------------------------------------

struct Import {
  const char* name;
  const void* address;
};

template <typename Function>
const void* address(Function* function) {
  return reinterpret_cast<const void*>(function);
}

using F1 = float(float);
using F2 = float(float, float);
using F3 = float(float, float, float);
using FI = float(float, int);
using D1 = double(double);
using D2 = double(double, double);
using D3 = double(double, double, double);
using DI = double(double, int);

#define BARYON_MATH(name, float_type, double_type)           \
  {#name "f", address(static_cast<float_type*>(name##f))}, { \
    #name, address(static_cast<double_type*>(name))          \
  }
#define BARYON_MATH1(name) BARYON_MATH(name, F1, D1)
#define BARYON_MATH2(name) BARYON_MATH(name, F2, D2)

const Import kImports[] = {
    {"TVMFFIErrorSetRaisedFromCStrParts", address(raise_error)},
    {"__TVMBackendParallelLaunch", address(parallel_launch)},
    {"__TVMBackendAllocWorkspace", address(allocate_workspace)},
    {"__TVMBackendFreeWorkspace", address(free_workspace)},
    {"memcpy", address(memcpy)},
    {"memmove", address(memmove)},
    {"memset", address(memset)},
    BARYON_MATH1(acos),
    BARYON_MATH1(acosh),
    BARYON_MATH1(asin),
    BARYON_MATH1(asinh),
    BARYON_MATH1(atan),
    BARYON_MATH2(atan2),
    BARYON_MATH1(atanh),
    BARYON_MATH1(cbrt),
    BARYON_MATH1(ceil),
    BARYON_MATH1(cos),
    BARYON_MATH1(cosh),
    BARYON_MATH1(erf),
    BARYON_MATH1(erfc),
    BARYON_MATH1(exp),
    BARYON_MATH1(exp2),
    BARYON_MATH1(expm1),
    BARYON_MATH1(fabs),
    BARYON_MATH1(floor),
    BARYON_MATH(fma, F3, D3),
    BARYON_MATH2(fmod),
    BARYON_MATH2(hypot),
    BARYON_MATH(ldexp, FI, DI),
    BARYON_MATH1(lgamma),
    BARYON_MATH1(log),
    BARYON_MATH1(log10),
    BARYON_MATH1(log1p),
    BARYON_MATH1(log2),
    BARYON_MATH1(nearbyint),
    BARYON_MATH2(pow),
    BARYON_MATH1(rint),
    BARYON_MATH1(round),
    BARYON_MATH1(roundeven),
    BARYON_MATH1(sin),
    BARYON_MATH1(sinh),
    BARYON_MATH1(sqrt),
    BARYON_MATH1(tan),
    BARYON_MATH1(tanh),
    BARYON_MATH1(tgamma),
    BARYON_MATH1(trunc),
};

}  // namespace

const void* import_address(const std::string& name) {
  for (const Import& import : kImports)
    if (name == import.name) return import.address;
  return nullptr;
}

}  // namespace baryon
