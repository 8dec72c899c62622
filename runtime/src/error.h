// How the inside of the library says that something is wrong.
#pragma once

#include <exception>
#include <string>

#include "baryon/runtime.h"

namespace baryon {

// Thrown inside the library; the C functions turn it into a status and a message.
struct Error : std::exception {
  Error(bry_status status, std::string message) : status(status), message(std::move(message)) {}
  const char* what() const noexcept override { return message.c_str(); }

  bry_status status;
  std::string message;
};

// printf's formats.
std::string format_text(const char* format, ...) __attribute__((format(printf, 1, 2)));
[[noreturn]] void fail(bry_status status, const char* format, ...)
    __attribute__((format(printf, 2, 3)));

}  // namespace baryon
