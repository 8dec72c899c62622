// The least that tests need: CHECK ends the process, saying where.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

#define CHECK(condition)                                                        \
  do {                                                                          \
    if (!(condition)) {                                                         \
      fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
      abort();                                                                  \
    }                                                                           \
  } while (false)

void test_units();
void test_pool();
void test_artifacts(const std::string& folder);
void bench(const std::string& folder);
