#include "raised.h"

#include <utility>

namespace baryon {
namespace {
thread_local std::string raised;
}  // namespace

void set_raised(std::string message) noexcept { raised = std::move(message); }

std::string take_raised() {
  std::string message = std::exchange(raised, {});
  return message.empty() ? "a kernel failed and gave no reason" : message;
}

}  // namespace baryon
