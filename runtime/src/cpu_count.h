// How many CPUs this process may use.
#pragma once

#include <string>

namespace baryon {

// The CPUs of the scheduler's affinity mask, or fewer where a cgroup limits CPU time; at least 1.
int usable_cpus();

// CPU time limit of the cgroups that `membership` (a /proc/self/cgroup) lists, in CPUs, rounded up;
// 0 if there is none. `mount` is /sys/fs/cgroup.
int cgroup_cpus(const std::string& membership, const std::string& mount);

}  // namespace baryon
