// benches/shim.cc: see shim.h.
#include "shim.h"

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

namespace {

class CallbackReporter : public benchmark::BenchmarkReporter {
  public:
    CallbackReporter(bench_report_fn *report, void *arg) : report_(report), arg_(arg) {}

    bool ReportContext(const Context &) override { return true; }

    void ReportRuns(const std::vector<Run> &runs) override {
        for (const Run &run : runs) {
            if (run.run_type == Run::RT_Iteration) {
                report_one(run);
            }
        }
    }

  private:
    void report_one(const Run &run) {
        std::vector<const char *> names;
        std::vector<double> values;
        for (const auto &counter : run.counters) {
            names.push_back(counter.first.c_str());
            values.push_back(counter.second.value);
        }
        const std::string &name = run.run_name.function_name;
        const double per_iteration = 1e9 / static_cast<double>(run.iterations);
        bench_result result;
        result.name = name.c_str();
        result.error = run.error_occurred ? run.error_message.c_str() : nullptr;
        result.repetition = run.repetition_index;
        result.iterations = run.iterations;
        result.cpu_ns = run.cpu_accumulated_time * per_iteration;
        result.wall_ns = run.real_accumulated_time * per_iteration;
        result.counters = names.size();
        result.counter_names = names.data();
        result.counter_values = values.data();
        report_(&result, arg_);
    }

    bench_report_fn *report_;
    void *arg_;
};

benchmark::State *unwrap(bench_state *state) {
    return reinterpret_cast<benchmark::State *>(state);
}

} // namespace

extern "C" {

void bench_register(const char *name, bench_fn *fn, const void *context, bench_clock clock,
                    int64_t iterations) {
    auto *const b = benchmark::RegisterBenchmark(name, [fn, context](benchmark::State &state) {
        fn(reinterpret_cast<bench_state *>(&state), context);
    });
    if (clock == BENCH_WALL) {
        b->UseRealTime();
    } else if (clock == BENCH_MANUAL) {
        b->UseManualTime();
    }
    if (iterations != 0) {
        b->Iterations(iterations);
    }
}

bool bench_keep_running(bench_state *state, int64_t batch) {
    return unwrap(state)->KeepRunningBatch(batch);
}

int64_t bench_iterations(const bench_state *state) {
    return reinterpret_cast<const benchmark::State *>(state)->max_iterations;
}

void bench_pause(bench_state *state) {
    unwrap(state)->PauseTiming();
}

void bench_resume(bench_state *state) {
    unwrap(state)->ResumeTiming();
}

void bench_set_seconds(bench_state *state, double seconds) {
    unwrap(state)->SetIterationTime(seconds);
}

void bench_counter(bench_state *state, const char *name, double value) {
    unwrap(state)->counters[name] = value;
}

void bench_fail(bench_state *state, const char *why) {
    unwrap(state)->SkipWithError(why);
}

void bench_init(const char *program, int repetitions, double min_seconds) {
    std::vector<std::string> words = {program, "--benchmark_enable_random_interleaving=true",
                                      "--benchmark_repetitions=" + std::to_string(repetitions),
                                      "--benchmark_min_time=" + std::to_string(min_seconds)};
    std::vector<char *> argv;
    for (std::string &word : words) {
        argv.push_back(&word[0]);
    }
    argv.push_back(nullptr);
    int argc = static_cast<int>(words.size());
    benchmark::Initialize(&argc, argv.data());
}

size_t bench_run(const char *regex, bench_report_fn *report, void *arg) {
    CallbackReporter reporter(report, arg);
    return benchmark::RunSpecifiedBenchmarks(&reporter, std::string(regex));
}

const char *bench_library(void) {
    return "Google Benchmark, libbenchmark-dev";
}

} // extern "C"
