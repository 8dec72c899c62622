// One run over many arrays, cut into pieces that threads share.
#include <algorithm>
#include <cstring>

#include "dtypes.h"
#include "executable.h"
#include "float_mode.h"
#include "raised.h"
#include "workspace.h"

namespace baryon {
namespace {

constexpr int kTasksPerThread = 8;

uint64_t size_of(const bry_tensor& tensor) {
  uint64_t count = 1;
  for (uint32_t i = 0; i < tensor.ndim; ++i) count *= static_cast<uint64_t>(tensor.shape[i]);
  return count;
}

// The elements of a port that takes pieces. Throws Error.
uint64_t piece_of(const Port& port) {
  if (port.tensor->ndim != 1 || port.dims[0].symbol >= 0)
    fail(BRY_INVALID_ARGUMENT, "'%s' does not take pieces: it must have one axis of fixed size",
         port.name.c_str());
  return static_cast<uint64_t>(value_of(port.dims[0], {}));
}

uint64_t size_of_port(const Plan& plan, const Port& port) {
  return plan.extent(*port.tensor, {}) / item_bytes(port.tensor->bits);
}

void check_array(const Port& port, const bry_tensor& tensor, uint64_t elements) {
  const format::Tensor& wanted = *port.tensor;
  const bool same = tensor.dtype.code == wanted.code && tensor.dtype.bits == wanted.bits;
  if (!same || tensor.data == nullptr || tensor.strides != nullptr || size_of(tensor) != elements)
    fail(BRY_BAD_INPUT, "'%s' must have %llu elements of its dtype without gaps", port.name.c_str(),
         static_cast<unsigned long long>(elements));
}

// The work of one bry_map call.
struct Map {
  const Plan& plan;
  uint32_t cut;
  const bry_set* sets;
  uint64_t piece;
  std::vector<uint64_t> elements, first_piece;  // by set; first_piece has one more entry
};

// What one task needs to run pieces: tensors of one piece, and memory for the last piece of an
// array, which is filled up there.
class Pieces {
 public:
  Pieces(const Map& map, Context& context) : map_(map), context_(context) {
    shape_[0] = static_cast<int64_t>(map.piece);
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < map.cut; ++i) bytes += room(map.plan.inputs[i]);
    for (const Port& port : map.plan.outputs) bytes += room(port);
    memory_ = Mapping::anonymous(bytes);
    uint8_t* next = memory_.data();
    for (const Port& port : map.plan.inputs) add(inputs_, port, inputs_.size() < map.cut, &next);
    for (const Port& port : map.plan.outputs) add(outputs_, port, true, &next);
    spare_inputs_ = inputs_;
    spare_outputs_ = outputs_;
  }

  void run(size_t set, uint64_t number) {
    const bry_set& arrays = map_.sets[set];
    const uint64_t first = number * map_.piece;
    const uint64_t count = std::min(map_.piece, map_.elements[set] - first);
    const bool whole = count == map_.piece;
    for (uint32_t i = 0; i < inputs_.size(); ++i) {
      uint8_t* const start = at(map_.plan.inputs[i], arrays.inputs[i], i < map_.cut ? first : 0);
      inputs_[i].data = i >= map_.cut || whole ? start : spare_inputs_[i].data;
      if (inputs_[i].data != start)
        memcpy(inputs_[i].data, start, count * item(i, map_.plan.inputs));
    }
    for (uint32_t i = 0; i < outputs_.size(); ++i)
      outputs_[i].data =
          whole ? at(map_.plan.outputs[i], arrays.outputs[i], first) : spare_outputs_[i].data;
    context_.bind({inputs_.data(), static_cast<uint32_t>(inputs_.size())},
                  {outputs_.data(), static_cast<uint32_t>(outputs_.size())}, {});
    context_.run(0, context_.call_count(), nullptr);
    for (uint32_t i = 0; i < outputs_.size() && !whole; ++i)
      memcpy(at(map_.plan.outputs[i], arrays.outputs[i], first), outputs_[i].data,
             count * item(i, map_.plan.outputs));
  }

 private:
  static uint64_t item(uint32_t i, const std::vector<Port>& ports) {
    return item_bytes(ports[i].tensor->bits);
  }

  static uint8_t* at(const Port& port, const bry_tensor& tensor, uint64_t element) {
    return static_cast<uint8_t*>(tensor.data) + element * item_bytes(port.tensor->bits);
  }

  uint64_t room(const Port& port) const {
    return (map_.piece * item_bytes(port.tensor->bits) + 63) / 64 * 64;
  }

  void add(std::vector<bry_tensor>& tensors, const Port& port, bool is_cut, uint8_t** next) {
    const format::Tensor& tensor = *port.tensor;
    tensors.push_back({*next, {tensor.code, tensor.bits, tensor.lanes}, 1, shape_, nullptr});
    if (is_cut) *next += room(port);
  }

  const Map& map_;
  Context& context_;
  int64_t shape_[1];
  Mapping memory_;
  std::vector<bry_tensor> inputs_, outputs_, spare_inputs_, spare_outputs_;
};

struct Launch {
  Executable& executable;
  const Map& map;
  uint64_t per_task;
};

void run_task(const Launch& launch, int task) {
  const Map& map = launch.map;
  const uint64_t begin = static_cast<uint64_t>(task) * launch.per_task;
  const uint64_t end = std::min(begin + launch.per_task, map.first_piece.back());
  std::unique_ptr<Context> context = launch.executable.take_context();
  Pieces pieces(map, *context);
  const auto after = std::upper_bound(map.first_piece.begin(), map.first_piece.end(), begin);
  size_t set = static_cast<size_t>(after - map.first_piece.begin()) - 1;
  for (uint64_t number = begin; number < end; ++number) {
    while (number >= map.first_piece[set + 1]) ++set;
    pieces.run(set, number - map.first_piece[set]);
  }
  launch.executable.give_back(std::move(context));
}

// Exceptions do not pass the pool.
int body(int task, TaskEnv*, void* closure) {
  const Launch& launch = *static_cast<Launch*>(closure);
  Workspace& workspace = Workspace::of_this_thread();
  workspace.reserve(launch.map.plan.scratch_bytes);
  try {
    run_task(launch, task);
    return 0;
  } catch (const std::exception& error) {
    set_raised(error.what());
    return -1;
  }
}

}  // namespace

void Executable::map(uint32_t cut, const bry_set* sets, uint32_t set_count) {
  if (cut == 0 || cut > plan_.inputs.size())
    fail(BRY_INVALID_ARGUMENT, "%u inputs are cut, there are %zu", cut, plan_.inputs.size());
  if (plan_.has_computed) fail(BRY_INVALID_ARGUMENT, "sizes that depend on data have no pieces");
  Map map{plan_, cut, sets, piece_of(plan_.inputs[0]), {}, {0}};
  const auto takes_pieces = [&](const Port& port) {
    if (piece_of(port) != map.piece)
      fail(BRY_INVALID_ARGUMENT, "'%s' has pieces of another size", port.name.c_str());
  };
  std::for_each(plan_.inputs.begin(), plan_.inputs.begin() + cut, takes_pieces);
  std::for_each(plan_.outputs.begin(), plan_.outputs.end(), takes_pieces);
  for (uint32_t n = 0; n < set_count; ++n) {
    const uint64_t elements = size_of(sets[n].inputs[0]);
    for (uint32_t i = 0; i < plan_.inputs.size(); ++i)
      check_array(plan_.inputs[i], sets[n].inputs[i],
                  i < cut ? elements : size_of_port(plan_, plan_.inputs[i]));
    for (size_t i = 0; i < plan_.outputs.size(); ++i)
      check_array(plan_.outputs[i], sets[n].outputs[i], elements);
    map.elements.push_back(elements);
    map.first_piece.push_back(map.first_piece.back() + (elements + map.piece - 1) / map.piece);
  }
  const uint64_t pieces = map.first_piece.back();
  if (pieces == 0) return;
  const uint64_t most = static_cast<uint64_t>(threads()) * kTasksPerThread;
  Launch launch{*this, map, (pieces + most - 1) / most};
  const FloatMode mode;
  const Pool::Scope scope(*pool_, nullptr);
  const auto tasks = static_cast<int>((pieces + launch.per_task - 1) / launch.per_task);
  if (Pool::launch(body, &launch, tasks) != 0) fail(BRY_KERNEL_FAILED, "%s", take_raised().c_str());
}

}  // namespace baryon
