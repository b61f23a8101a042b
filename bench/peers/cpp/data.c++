// The jobs that only build, handle and check messages: see package workload.
#include "job.h"
#include "workload.capnp.h"

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/debug.h>
#include <kj/io.h>

#include <algorithm>
#include <limits>
#include <string.h>
#include <vector>

namespace bench {
namespace {

// Random is Marsaglia's xorshift with 128 bits of state.
struct Random {
  uint32_t x = 0x1d2acd47, y = 0x58ca3e14, z = 0xf563f232, w = 0x0bc76199;

  uint32_t next() {
    uint32_t t = x ^ (x << 11);
    x = y, y = z, z = w;
    return w ^= (w >> 19) ^ t ^ (t >> 8);
  }
  uint32_t below(uint32_t n) { return next() % n; }
  double upTo(double n) { return next() * n / std::numeric_limits<uint32_t>::max(); }
  bool coin() { return below(2) != 0; }
};

struct Outcome {
  uint64_t got, sum;
};

struct CarSales {
  using Request = Lot;
  using Response = Worth;

  template <typename AnyCar>
  static uint64_t price(AnyCar&& car) {
    uint64_t sum = 200 * car.getSeats() + 350 * car.getDoors();
    for (auto wheel : car.getWheels()) {
      uint64_t d = wheel.getDiameter();
      sum += d * d + (wheel.getSnowTires() ? 100 : 0);
    }
    sum += uint64_t(car.getLength()) * car.getWidth() * car.getHeight() / 50;
    auto engine = car.getEngine();
    sum += 40 * engine.getHorsepower();
    if (engine.getUsesElectric()) sum += engine.getUsesGas() ? 5000 : 3000;
    if (car.getPowerWindows()) sum += 100;
    if (car.getPowerSteering()) sum += 200;
    if (car.getCruiseControl()) sum += 400;
    if (car.getNavigation()) sum += 2000;
    return sum + 25 * car.getCupHolders();
  }

  static void fillCar(Car::Builder car, Random& r) {
    static const char* const MAKES[] = {"Toyota", "GM", "Ford", "Honda", "Tesla"};
    static const char* const MODELS[] = {"Camry", "Prius", "Volt", "Accord", "Leaf", "Model S"};
    car.setMake(MAKES[r.below(kj::size(MAKES))]);
    car.setModel(MODELS[r.below(kj::size(MODELS))]);
    car.setColor(static_cast<Car::Color>(r.below(static_cast<uint>(Car::Color::SILVER) + 1)));
    car.setSeats(2 + r.below(6));
    car.setDoors(2 + r.below(3));
    for (auto wheel : car.initWheels(4)) {
      wheel.setDiameter(25 + r.below(15));
      wheel.setAirPressure(30 + r.upTo(20));
      wheel.setSnowTires(r.below(16) == 0);
    }
    car.setLength(170 + r.below(150));
    car.setWidth(48 + r.below(36));
    car.setHeight(54 + r.below(48));
    car.setWeight(car.getLength() * car.getWidth() * car.getHeight() / 200);
    auto engine = car.initEngine();
    engine.setHorsepower(100 * r.below(400));
    engine.setCylinders(4 + 2 * r.below(3));
    engine.setDisplacement(800 + r.below(10000));
    engine.setUsesGas(true);
    engine.setUsesElectric(r.coin());
    car.setFuelCapacity(10 + r.upTo(30));
    car.setFuelLevel(r.upTo(car.getFuelCapacity()));
    car.setPowerWindows(r.coin());
    car.setPowerSteering(r.coin());
    car.setCruiseControl(r.coin());
    car.setCupHolders(r.below(12));
    car.setNavigation(r.coin());
  }

  static uint64_t fill(Lot::Builder lot, Random& r) {
    uint64_t sum = 0;
    for (auto car : lot.initCars(r.below(200))) {
      fillCar(car, r);
      sum += price(car);
    }
    return sum;
  }

  static void handle(Lot::Reader lot, Worth::Builder worth) {
    uint64_t sum = 0;
    for (auto car : lot.getCars()) sum += price(car);
    worth.setAmount(sum);
  }

  static Outcome result(Worth::Reader worth) { return {worth.getAmount(), worth.getAmount()}; }
};

struct CatRank {
  using Request = Pages;
  using Response = Pages;

  static void addWords(std::string& text, Random& r) {
    static const char* const WORDS[] = {"foo ",    "bar ",   "baz ",  "qux ",   "quux ",  "corge ", "grault ",
                                        "garply ", "waldo ", "fred ", "plugh ", "xyzzy ", "thud "};
    for (uint32_t n = r.below(20); n > 0; n--) text += WORDS[r.below(kj::size(WORDS))];
  }

  static uint64_t fill(Pages::Builder pages, Random& r) {
    static const char PREFIX[] = "http://example.com/";
    uint64_t good = 0;
    auto list = pages.initList(r.below(1000));
    std::string snippet;
    for (uint i = 0; i < list.size(); i++) {
      auto page = list[i];
      page.setScore(1000.0 - i);
      uint32_t n = r.below(100);
      auto url = page.initUrl(strlen(PREFIX) + n);
      memcpy(url.begin(), PREFIX, strlen(PREFIX));
      for (char* p = url.begin() + strlen(PREFIX); p < url.end(); p++) *p = 'a' + r.below(26);

      bool cat = r.below(8) == 0;
      bool dog = r.below(8) == 0;
      snippet = " ";
      addWords(snippet, r);
      if (cat) snippet += "cat ";
      if (dog) snippet += "dog ";
      addWords(snippet, r);
      page.setSnippet(capnp::Text::Reader(snippet.c_str(), snippet.size()));
      if (cat && !dog) good++;
    }
    return good;
  }

  struct Ranked {
    double score;
    Pages::Page::Reader page;
  };

  static void handle(Pages::Reader pages, Pages::Builder out) {
    std::vector<Ranked> all;
    all.reserve(pages.getList().size());
    for (auto page : pages.getList()) {
      double score = page.getScore();
      auto snippet = page.getSnippet();
      if (strstr(snippet.cStr(), " cat ") != nullptr) score *= 10000;
      if (strstr(snippet.cStr(), " dog ") != nullptr) score /= 10000;
      all.push_back({score, page});
    }
    std::sort(all.begin(), all.end(), [](const Ranked& a, const Ranked& b) { return a.score > b.score; });
    auto list = out.initList(all.size());
    for (uint i = 0; i < list.size(); i++) {
      auto page = list[i];
      page.setScore(all[i].score);
      page.setUrl(all[i].page.getUrl());
      page.setSnippet(all[i].page.getSnippet());
    }
  }

  static Outcome result(Pages::Reader pages) {
    uint64_t good = 0;
    auto list = pages.getList();
    for (auto page : list) {
      if (page.getScore() <= 1001) break;
      good++;
    }
    uint64_t sum = good;
    if (list.size() > 0) sum += list[list.size() / 2].getUrl().size();
    return {good, sum};
  }
};

struct Eval {
  using Request = Term;
  using Response = Number;

  static int32_t apply(Term::Operation op, int32_t a, int32_t b) {
    uint32_t x = a, y = b;  // overflow wraps
    switch (op) {
      case Term::Operation::ADD: return x + y;
      case Term::Operation::SUBTRACT: return x - y;
      case Term::Operation::MULTIPLY: return x * y;
      default: break;
    }
    if (b == 0 || (a == std::numeric_limits<int32_t>::min() && b == -1)) {
      return std::numeric_limits<int32_t>::max();
    }
    return op == Term::Operation::DIVIDE ? a / b : a % b;
  }

  static int32_t fillNode(Term::Builder term, Random& r, uint32_t depth) {
    auto op = static_cast<Term::Operation>(r.below(static_cast<uint>(Term::Operation::MODULUS) + 1));
    term.setOp(op);
    int32_t left, right;
    if (r.below(8) < depth) {
      left = r.below(128) + 1;
      term.getLeft().setValue(left);
    } else {
      left = fillNode(term.getLeft().initTerm(), r, depth + 1);
    }
    if (r.below(8) < depth) {
      right = r.below(128) + 1;
      term.getRight().setValue(right);
    } else {
      right = fillNode(term.getRight().initTerm(), r, depth + 1);
    }
    return apply(op, left, right);
  }

  static uint64_t fill(Term::Builder term, Random& r) { return uint32_t(fillNode(term, r, 0)); }

  static int32_t value(Term::Reader term) {
    auto left = term.getLeft();
    int32_t a = left.isTerm() ? value(left.getTerm()) : left.getValue();
    auto right = term.getRight();
    int32_t b = right.isTerm() ? value(right.getTerm()) : right.getValue();
    return apply(term.getOp(), a, b);
  }

  static void handle(Term::Reader term, Number::Builder number) { number.setValue(value(term)); }

  static Outcome result(Number::Reader number) {
    uint64_t v = uint32_t(number.getValue());
    return {v, v};
  }
};

// Scratch is memory that is used again for every message, as C++'s own
// benchmarks have it, or not at all.
class Scratch {
 public:
  explicit Scratch(bool reuse) : memory(kj::heapArray<capnp::word>(reuse ? 128 * 1024 : 0)) {
    memset(memory.begin(), 0, memory.asBytes().size());
  }
  kj::ArrayPtr<capnp::word> words() { return memory; }

 private:
  kj::Array<capnp::word> memory;
};

// checked is how many requests the checksum is over.
constexpr uint64_t checked = 200;

template <typename Case>
class Data final : public Work {
 public:
  Data(bool bytes, bool reuse) : bytes(bytes), reuse(reuse), a(reuse), b(reuse), c(bytes), d(bytes) {}

  void run(uint64_t n) override { sum(n); }
  uint64_t check() override { return sum(checked); }

 private:
  uint64_t sum(uint64_t n) {
    Random r;
    uint64_t total = 0;
    for (uint64_t i = 0; i < n; i++) total += reuse ? reused(r) : fresh(r);
    return total;
  }

  uint64_t reused(Random& r) {
    capnp::MallocMessageBuilder request(a.words());
    capnp::MallocMessageBuilder response(b.words());
    return exchange(request, response, r);
  }

  uint64_t fresh(Random& r) {
    capnp::MallocMessageBuilder request;
    capnp::MallocMessageBuilder response;
    return exchange(request, response, r);
  }

  uint64_t exchange(capnp::MessageBuilder& request, capnp::MessageBuilder& response, Random& r) {
    auto root = request.initRoot<typename Case::Request>();
    uint64_t want = Case::fill(root, r);
    auto answer = response.initRoot<typename Case::Response>();
    Outcome outcome;
    if (bytes) {
      pass(request, c, [&](capnp::MessageReader& m) {
        Case::handle(m.getRoot<typename Case::Request>(), answer);
      });
      pass(response, d, [&](capnp::MessageReader& m) {
        outcome = Case::result(m.getRoot<typename Case::Response>());
      });
    } else {
      Case::handle(root.asReader(), answer);
      outcome = Case::result(answer.asReader());
    }
    KJ_REQUIRE(outcome.got == want, "response is wrong");
    return outcome.sum;
  }

  // Frames a message and parses it: in memory used before, or in new.
  template <typename Read>
  void pass(capnp::MessageBuilder& message, Scratch& scratch, Read&& read) {
    if (reuse) {
      kj::ArrayOutputStream out(scratch.words().asBytes());
      capnp::writeMessage(out, message);
      auto written = out.getArray();
      capnp::FlatArrayMessageReader reader(
          kj::arrayPtr(reinterpret_cast<const capnp::word*>(written.begin()), written.size() / sizeof(capnp::word)));
      read(reader);
    } else {
      auto words = capnp::messageToFlatArray(message);
      capnp::FlatArrayMessageReader reader(words);
      read(reader);
    }
  }

  const bool bytes, reuse;
  Scratch a, b, c, d;
};

template <typename Case>
kj::Own<Work> open(const std::string& how) {
  if (how == "object") return kj::heap<Data<Case>>(false, true);
  if (how == "bytes") return kj::heap<Data<Case>>(true, true);
  if (how == "fresh") return kj::heap<Data<Case>>(true, false);
  return kj::Own<Work>();
}

}  // namespace

kj::Own<Work> openData(const Job& job) {
  auto dash = job.mode.find('-');
  if (dash == std::string::npos) return kj::Own<Work>();
  auto name = job.mode.substr(0, dash), how = job.mode.substr(dash + 1);
  if (name == "carsales") return open<CarSales>(how);
  if (name == "catrank") return open<CatRank>(how);
  if (name == "eval") return open<Eval>(how);
  return kj::Own<Work>();
}

}  // namespace bench
