// Small parts: hashes, workspace, CPU limits, names of features.
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <vector>

#include "check.h"
#include "cpu.h"
#include "cpu_count.h"
#include "imports.h"
#include "sha256.h"
#include "workspace.h"

namespace baryon {
namespace {

std::string hex(const Digest& digest) {
  std::string text;
  char pair[3];
  for (const uint8_t byte : digest) {
    snprintf(pair, sizeof pair, "%02x", byte);
    text += pair;
  }
  return text;
}

void test_sha256() {
  CHECK(hex(sha256("", 0)) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(hex(sha256("abc", 3)) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  std::vector<uint8_t> data(5000);
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<uint8_t>(i * i >> 3);
  for (size_t size = 0; size < 300; ++size)
    CHECK(sha256(data.data(), size) == sha256_portable(data.data(), size));
  CHECK(sha256(data.data() + 1, 4999) == sha256_portable(data.data() + 1, 4999));
}

void test_workspace() {
  Workspace workspace;
  const Workspace::Mark empty = workspace.mark();
  void* a = workspace.allocate(1);
  void* b = workspace.allocate(1 << 20);  // does not fit into the first chunk
  void* c = workspace.allocate(100);
  for (void* p : {a, b, c}) CHECK(p != nullptr && reinterpret_cast<uintptr_t>(p) % 64 == 0);
  memset(b, 1, 1 << 20);
  int elsewhere = 0;
  CHECK(!workspace.release(&elsewhere));
  CHECK(workspace.release(c));
  CHECK(!workspace.release(c));
  CHECK(workspace.release(b));
  CHECK(workspace.release(a));
  CHECK(!workspace.release(a));
  CHECK(workspace.allocate(0) != nullptr);
  CHECK(workspace.allocate(uint64_t{1} << 60) == nullptr);
  workspace.rewind(empty);
  workspace.reserve(3 << 20);
  void* large = workspace.allocate(3 << 20);
  memset(large, 1, 3 << 20);
  CHECK(workspace.release(large));
}

void write(const std::string& path, const char* text) { std::ofstream(path) << text; }

void test_cgroups() {
  char folder[] = "/tmp/baryon-cgroup-XXXXXX";
  CHECK(mkdtemp(folder) != nullptr);
  const std::string root = folder, membership = root + "/self";
  for (const char* name : {"/box", "/box/inner", "/cpu", "/cpu/old"})
    mkdir((root + name).c_str(), 0700);
  write(membership, "0::/box/inner\n");
  CHECK(cgroup_cpus(membership, root) == 0);
  write(root + "/box/inner/cpu.max", "max 100000\n");
  CHECK(cgroup_cpus(membership, root) == 0);
  write(root + "/box/cpu.max", "250000 100000\n");
  CHECK(cgroup_cpus(membership, root) == 3);
  write(root + "/box/inner/cpu.max", "100000 100000\n");
  CHECK(cgroup_cpus(membership, root) == 1);
  write(membership, "0::/of/the/host\n");
  write(root + "/cpu.max", "400000 100000\n");
  CHECK(cgroup_cpus(membership, root) == 4);
  write(membership, "5:cpuset:/old\n4:cpuacct,cpu:/old\n");
  write(root + "/cpu/old/cpu.cfs_quota_us", "-1\n");
  write(root + "/cpu/old/cpu.cfs_period_us", "100000\n");
  CHECK(cgroup_cpus(membership, root) == 0);
  write(root + "/cpu/old/cpu.cfs_quota_us", "150000\n");
  CHECK(cgroup_cpus(membership, root) == 2);
  CHECK(cgroup_cpus(root + "/none", root) == 0);
  CHECK(usable_cpus() >= 1);
  CHECK(system(("rm -r " + root).c_str()) == 0);
}

void test_names() {
  CHECK(missing_features({"sse3", "no-such-thing"}) == std::vector<std::string>{"no-such-thing"});
  CHECK(!cpu_name().empty());
  CHECK(import_address("tanhf") != nullptr && import_address("memcpy") != nullptr);
  CHECK(import_address("") == nullptr && import_address("system") == nullptr);
}

}  // namespace
}  // namespace baryon

void test_units() {
  baryon::test_sha256();
  baryon::test_workspace();
  baryon::test_cgroups();
  baryon::test_names();
}
