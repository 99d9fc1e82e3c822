// Runs models on events that a file holds, in batches and on several threads, and compares bits.
//
//   driver FILE BATCHES THREADS     such as: driver events.bin 1,2,7,16,1000 1,2,8
//
// The file holds for each model the distinct events of every input and then what is expected of
// every output. A run repeats them up to its number of events, so that each of them comes to lie in
// every lane of a tile. Each thread takes a range of the events and goes through it in batches.
// A line is printed for each model, batch and number of threads with a wrong bit. Exit code: 0 when
// all is right, 1 when bits differ, 2 when the file does not fit.
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "strict_models.hpp"

namespace {

constexpr unsigned char kGarbage = 0xA5;
constexpr std::size_t kLine = 64;

// Bytes that begin on a cache line, or as far behind one as asked: callers owe an array no more
// than the alignment of its items.
class Memory {
 public:
  explicit Memory(std::size_t size, std::size_t behind = 0) : bytes_(size + 2 * kLine, kGarbage) {
    const auto begin = reinterpret_cast<std::uintptr_t>(bytes_.data());
    place_ = bytes_.data() + (kLine - begin % kLine) + behind % kLine;
  }
  unsigned char* data() const { return place_; }

 private:
  std::vector<unsigned char> bytes_;
  unsigned char* place_;
};

std::size_t event_bytes(const Port& port) { return port.items * port.item_bytes; }

// The arrays of a model for so many events, inputs before outputs.
struct Arrays {
  std::vector<Memory> memory;

  Arrays(const Model& model, std::size_t events) {
    for (const Port& port : model.ports)
      memory.emplace_back(events * event_bytes(port), port.item_bytes);
  }
  std::vector<void*> at(const Model& model, std::size_t event) const {
    std::vector<void*> places;
    for (std::size_t i = 0; i < memory.size(); ++i)
      places.push_back(memory[i].data() + event * event_bytes(model.ports[i]));
    return places;
  }
};

template <class T>
bool both_nan(const unsigned char* a, const unsigned char* b) {
  T left, right;
  std::memcpy(&left, a, sizeof left);
  std::memcpy(&right, b, sizeof right);
  return std::isnan(left) && std::isnan(right);
}

// Equal bits, or NaN in the same place with any payload.
bool same(const Port& port, const unsigned char* a, const unsigned char* b) {
  if (std::memcmp(a, b, port.item_bytes) == 0) return true;
  if (port.kind != 'f') return false;
  return port.item_bytes == 4 ? both_nan<float>(a, b) : both_nan<double>(a, b);
}

void work(const Model& model, const Arrays& arrays, std::size_t begin, std::size_t end,
          std::size_t batch, const std::atomic<bool>& started) {
  const Memory workspace(model.workspace_bytes);
  while (!started) std::this_thread::yield();
  for (std::size_t event = begin; event < end; event += batch) {
    const std::size_t here = event + batch < end ? batch : end - event;
    model.call(workspace.data(), arrays.at(model, event).data(), here);
  }
}

void run(const Model& model, const Arrays& arrays, std::size_t batch, std::size_t threads) {
  std::atomic<bool> started{false};  // so that the threads meet
  std::vector<std::thread> workers;
  for (std::size_t t = 0; t < threads; ++t)
    workers.emplace_back(work, std::cref(model), std::cref(arrays), model.events * t / threads,
                         model.events * (t + 1) / threads, batch, std::cref(started));
  started = true;
  for (std::thread& worker : workers) worker.join();
}

// How many items of the outputs are wrong; the first one is printed.
std::size_t wrong_items(const Model& model, const Arrays& known, const Arrays& got,
                        std::size_t batch, std::size_t threads) {
  std::size_t wrong = 0;
  for (std::size_t i = model.inputs; i < model.ports.size(); ++i) {
    const Port& port = model.ports[i];
    for (std::size_t item = 0; item < model.events * port.items; ++item) {
      const std::size_t event = item / port.items, inside = item % port.items;
      const unsigned char* a = got.memory[i].data() + item * port.item_bytes;
      const unsigned char* b =
          known.memory[i].data() + (event % model.distinct * port.items + inside) * port.item_bytes;
      if (same(port, a, b)) continue;
      if (wrong++ == 0)
        std::printf("%s: batches of %zu, %zu threads: output %zu, event %zu, item %zu", model.name,
                    batch, threads, i - model.inputs, event, inside);
    }
  }
  if (wrong > 0) std::printf(" and %zu more\n", wrong - 1);
  return wrong;
}

bool read(std::FILE* file, const Model& model, const Arrays& known) {
  for (std::size_t i = 0; i < model.ports.size(); ++i) {
    const std::size_t size = model.distinct * event_bytes(model.ports[i]);
    if (std::fread(known.memory[i].data(), 1, size, file) != size) return false;
  }
  return true;
}

std::size_t check(const Model& model, const Arrays& known, std::size_t batch, std::size_t threads) {
  const Arrays arrays(model, model.events);
  for (std::size_t i = 0; i < model.inputs; ++i) {
    const std::size_t size = event_bytes(model.ports[i]);
    for (std::size_t event = 0; event < model.events; ++event)
      std::memcpy(arrays.memory[i].data() + event * size,
                  known.memory[i].data() + event % model.distinct * size, size);
  }
  run(model, arrays, batch, threads);
  return wrong_items(model, known, arrays, batch, threads);
}

std::vector<std::size_t> numbers(const char* text) {
  std::vector<std::size_t> found;
  for (char* end = nullptr; *text != '\0'; text = *end == ',' ? end + 1 : end)
    found.push_back(std::strtoul(text, &end, 10));
  return found;
}

}  // namespace

int main(int count, char** arguments) {
  std::FILE* file = count == 4 ? std::fopen(arguments[1], "rb") : nullptr;
  if (file == nullptr) return 2;
  std::size_t wrong = 0, compared = 0;
  for (const Model& model : models()) {
    const Arrays known(model, model.distinct);
    if (!read(file, model, known)) return 2;
    for (const std::size_t batch : numbers(arguments[2]))
      for (const std::size_t threads : numbers(arguments[3])) {
        wrong += check(model, known, batch, threads);
        compared += model.events;
      }
  }
  if (std::fgetc(file) != EOF) return 2;
  std::fclose(file);
  std::printf("%zu events compared, %zu items wrong\n", compared, wrong);
  return wrong == 0 ? 0 : 1;
}
