// float32 arrays of .npy files, as numpy.save writes them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

struct Array {
  std::vector<int64_t> shape;
  std::vector<float> data;
};

// Throws std::runtime_error for what is no row-major float32 array.
Array read_npy(const std::string& path);
