// The error that a kernel raised in this thread.
#pragma once

#include <string>

namespace baryon {

void set_raised(std::string message) noexcept;
// The message, which is then forgotten; a general one if the kernel gave none.
std::string take_raised();

}  // namespace baryon
