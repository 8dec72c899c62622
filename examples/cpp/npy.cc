#include "npy.h"

#include <cstring>
#include <fstream>
#include <regex>
#include <stdexcept>

namespace {

// NumPy's format, version 1: a magic, the header's length in two bytes, and the header, which is
// the text of a Python dict.
std::string read_header(std::istream& file, const std::string& path) {
  unsigned char start[10];
  if (!file.read(reinterpret_cast<char*>(start), sizeof start) ||
      std::memcmp(start, "\x93NUMPY\x01\x00", 8) != 0)
    throw std::runtime_error(path + " is no .npy file of version 1");
  std::string header(start[8] | start[9] << 8, ' ');
  if (!file.read(header.data(), static_cast<std::streamsize>(header.size())))
    throw std::runtime_error(path + " is cut off");
  return header;
}

std::vector<int64_t> shape_of(const std::string& header, const std::string& path) {
  static const std::regex expected(
      R"(\{'descr': '<f4', 'fortran_order': False, 'shape': \(([0-9, ]*)\), \}\s*)");
  std::smatch match;
  if (!std::regex_match(header, match, expected))
    throw std::runtime_error(path + " is no row-major float32 array: " + header);
  static const std::regex number("[0-9]+");
  const std::string text = match[1];
  std::vector<int64_t> shape;
  for (std::sregex_iterator i(text.begin(), text.end(), number), end; i != end; ++i)
    shape.push_back(std::stoll(i->str()));
  return shape;
}

}  // namespace

Array read_npy(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path + " cannot be opened");
  Array array;
  array.shape = shape_of(read_header(file, path), path);
  int64_t count = 1;
  for (const int64_t size : array.shape) count *= size;
  array.data.resize(static_cast<size_t>(count));
  const auto bytes = static_cast<std::streamsize>(array.data.size() * sizeof(float));
  if (!file.read(reinterpret_cast<char*>(array.data.data()), bytes))
    throw std::runtime_error(path + " is cut off");
  return array;
}
