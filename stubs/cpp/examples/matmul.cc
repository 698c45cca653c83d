// Tunes the tile sizes and the unrolling of a matrix multiplication, in GFLOP/s on this machine.
//
//     matmul HOST:PORT

#include <nextpoint/worker.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

namespace v1 = nextpoint::v1;

namespace {

constexpr int kSize = 384;
constexpr int kBudget = 25;
constexpr int kRepetitions = 5;

using Matrix = std::vector<float>;

struct Tiling {
  int rows;
  int columns;
  int depth;
  int unroll;
};

constexpr Tiling kDefault{32, 32, 32, 1};

/// Adds rows of b, each times an element of a, to a row of c: as many at once as it is unrolled.
template <int unroll>
void multiply(const Matrix& a, const Matrix& b, Matrix& c, const Tiling& tiling) {
  for (int i0 = 0; i0 < kSize; i0 += tiling.rows) {
    for (int k0 = 0; k0 < kSize; k0 += tiling.depth) {
      for (int j0 = 0; j0 < kSize; j0 += tiling.columns) {
        const int i1 = std::min(i0 + tiling.rows, kSize);
        const int k1 = std::min(k0 + tiling.depth, kSize);
        const int j1 = std::min(j0 + tiling.columns, kSize);
        for (int i = i0; i < i1; ++i) {
          // Tiles are as deep as multiples of what is unrolled, and so is the matrix.
          for (int k = k0; k < k1; k += unroll) {
            const float* left = &a[i * kSize + k];
            const float* right = &b[k * kSize];
            float* sum = &c[i * kSize];
            for (int j = j0; j < j1; ++j) {
              float added = 0;
              for (int u = 0; u < unroll; ++u) added += left[u] * right[u * kSize + j];
              sum[j] += added;
            }
          }
        }
      }
    }
  }
}

/// Returns the speed of the fastest of some runs, in GFLOP/s: what else the machine does can only
/// slow it down.
double measure(const Tiling& tiling) {
  const auto kernel = tiling.unroll == 8   ? multiply<8>
                      : tiling.unroll == 4 ? multiply<4>
                      : tiling.unroll == 2 ? multiply<2>
                                           : multiply<1>;
  const Matrix a(kSize * kSize, 1.0F);
  const Matrix b(kSize * kSize, 0.5F);
  double seconds = 1e9;
  for (int i = 0; i < kRepetitions; ++i) {
    Matrix c(kSize * kSize, 0.0F);
    const auto start = std::chrono::steady_clock::now();
    kernel(a, b, c, tiling);
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    if (c.back() != 0.5F * kSize) throw std::runtime_error("the product is wrong");
    seconds = std::min(seconds, elapsed.count());
  }
  return 2.0 * kSize * kSize * kSize / seconds / 1e9;
}

Tiling tiling_of(const nextpoint::Suggestion& suggestion) {
  const auto size = [&](const char* name) {
    return static_cast<int>(suggestion.get<std::int64_t>(name));
  };
  return {size("rows"), size("columns"), size("depth"), size("unroll")};
}

std::ostream& operator<<(std::ostream& out, const Tiling& tiling) {
  return out << "tiles of " << tiling.rows << " x " << tiling.columns << " x " << tiling.depth
             << ", unrolled " << tiling.unroll << " times";
}

v1::CreateExperimentRequest experiment() {
  v1::CreateExperimentRequest request;
  request.set_name("Matrix multiplication");
  request.set_budget(kBudget);
  const auto add = [&](const char* name, std::initializer_list<double> grid) {
    auto& parameter = *request.add_parameters();
    parameter.set_name(name);
    parameter.set_type(v1::PARAMETER_TYPE_INT);
    parameter.set_transformation(v1::PARAMETER_TRANSFORMATION_LOG);
    parameter.mutable_grid()->Assign(grid.begin(), grid.end());
  };
  for (const char* name : {"rows", "columns", "depth"}) {
    add(name, {8, 16, 32, 64, 128, 192, 384});
  }
  add("unroll", {1, 2, 4, 8});
  auto& metric = *request.add_metrics();
  metric.set_name("gflops");
  metric.set_objective(v1::METRIC_OBJECTIVE_MAXIMIZE);
  return request;
}

void tune(const nextpoint::Client& client) {
  const std::string id = client.call(&v1::ExperimentService::Stub::CreateExperiment, experiment())
                             .experiment()
                             .experiment_id();
  double best = 0;
  Tiling best_tiling = kDefault;
  nextpoint::run_worker(client, id,
                        [&](const nextpoint::Suggestion& suggestion) -> nextpoint::Values {
                          const Tiling tiling = tiling_of(suggestion);
                          const double gflops = measure(tiling);
                          std::cout << gflops << " GFLOP/s: " << tiling << std::endl;
                          if (gflops > best) {
                            best = gflops;
                            best_tiling = tiling;
                          }
                          return {{"gflops", gflops}};
                        });
  std::cout << "\nbest:    " << measure(best_tiling) << " GFLOP/s with " << best_tiling
            << "\ndefault: " << measure(kDefault) << " GFLOP/s with " << kDefault << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: matmul HOST:PORT\n";
    return 2;
  }
  try {
    tune(nextpoint::Client(argv[1]));
  } catch (const std::exception& error) {
    std::cerr << "matmul: " << error.what() << "\n";
    return 1;
  }
}
