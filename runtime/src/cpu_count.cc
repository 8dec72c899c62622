#include "cpu_count.h"

#include <sched.h>

#include <algorithm>
#include <climits>
#include <fstream>
#include <sstream>
#include <thread>

namespace baryon {
namespace {

int affinity_cpus() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
  return static_cast<int>(std::thread::hardware_concurrency());  // more CPUs than cpu_set_t holds
}

int cpus_of(long long quota, long long period) {
  if (quota <= 0 || period <= 0) return INT_MAX;
  return static_cast<int>(std::min<long long>(quota / period + (quota % period != 0), INT_MAX));
}

// cpu.max of version 2: "QUOTA PERIOD", in which QUOTA may be "max".
int limit_v2(const std::string& folder) {
  std::ifstream file(folder + "/cpu.max");
  long long quota = 0, period = 0;
  return file >> quota >> period ? cpus_of(quota, period) : INT_MAX;
}

int limit_v1(const std::string& folder) {
  std::ifstream quota_file(folder + "/cpu.cfs_quota_us"),
      period_file(folder + "/cpu.cfs_period_us");
  long long quota = 0, period = 0;
  return quota_file >> quota && period_file >> period ? cpus_of(quota, period) : INT_MAX;
}

// The tightest limit of a group and the groups around it. Inside a container the path may be that
// of the host, with nothing there but the mount itself.
int tightest(int (*limit)(const std::string&), const std::string& mount, std::string path) {
  int tightest = limit(mount);
  while (!path.empty() && path != "/") {
    tightest = std::min(tightest, limit(mount + path));
    path.erase(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  }
  return tightest;
}

bool lists_cpu(const std::string& controllers) {
  std::istringstream names(controllers);
  for (std::string name; std::getline(names, name, ',');)
    if (name == "cpu") return true;
  return false;
}

}  // namespace

int cgroup_cpus(const std::string& membership, const std::string& mount) {
  int cpus = INT_MAX;
  std::ifstream file(membership);
  // Lines are "number:controllers:path"; version 2 has number 0 and no controllers.
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string number, controllers, path;
    std::getline(fields, number, ':');
    std::getline(fields, controllers, ':');
    std::getline(fields, path);
    if (controllers.empty()) cpus = std::min(cpus, tightest(limit_v2, mount, path));
    if (!lists_cpu(controllers)) continue;
    cpus = std::min(cpus, tightest(limit_v1, mount + "/cpu", path));
    cpus = std::min(cpus, tightest(limit_v1, mount + "/" + controllers, path));
  }
  return cpus == INT_MAX ? 0 : cpus;
}

int usable_cpus() {
  const int limit = cgroup_cpus("/proc/self/cgroup", "/sys/fs/cgroup");
  const int cpus = affinity_cpus();
  return std::max(1, limit > 0 ? std::min(limit, cpus) : cpus);
}

}  // namespace baryon
