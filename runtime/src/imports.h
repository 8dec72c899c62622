// The functions that kernels may call (rule A30).
#pragma once

#include <string>

namespace baryon {

// Null if there is no import of this name.
const void* import_address(const std::string& name);

}  // namespace baryon
