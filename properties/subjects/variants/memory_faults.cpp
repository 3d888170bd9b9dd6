#include "subjects/variants/fault_families.hpp"

namespace bncheck::variants {
namespace {

Recipe with_layout(Layout Memory::* tensor, Layout layout) {
  return made([=](Recipe& r) { r.memory.*tensor = layout; });
}
Recipe with_sharing(Sharing sharing) {
  return made([=](Recipe& r) { r.normalising.sums.sharing = sharing; });
}
Recipe with_gradient_sharing(Sharing sharing) {
  return made([=](Recipe& r) { r.differentiating.sums.sharing = sharing; });
}

std::vector<Fault> layout_faults() {
  return {
      {"y_thin_in_x_layout", 8, "pytorch 63224",
       "Where x has a channel stride of 1 and a dimension has size 1, y is written in x's layout.",
       with_layout(&Memory::y, Layout::of_x_where_thin)},
      {"y_in_x_layout", 8, "pytorch 62594", "y is written in x's layout.",
       with_layout(&Memory::y, Layout::of_x)},
      {"x_read_as_nchw", 18, textbook, "A dense x is read with the strides of NCHW, channels last or not.",
       with_layout(&Memory::x, Layout::row_major)},
      {"dy_in_x_layout", 9, "pytorch 64039", "dy is read in x's layout.",
       with_layout(&Memory::dy, Layout::of_x)},
      {"dx_in_x_layout", 9, "pytorch 175189", "dx is written in x's layout.",
       with_layout(&Memory::dx, Layout::of_x)},
      {"dy_thin_in_x_layout", 9, "pytorch 64039 (kind)",
       "Where x has a channel stride of 1 and a dimension has size 1, dy is read in x's layout.",
       with_layout(&Memory::dy, Layout::of_x_where_thin)},
      {"dy_read_as_nchw", 9, textbook, "A dense dy is read with the strides of NCHW, channels last or not.",
       with_layout(&Memory::dy, Layout::row_major)},
  };
}

std::vector<Fault> aliasing_faults() {
  return {
      {"in_place_reads_overwritten_x", 18, textbook,
       "y holds x - mean for a while, and x is read once more after that.",
       made([](Recipe& r) { r.memory.y_is_scratch = true; })},
      {"in_place_reads_overwritten_dy", 18, textbook, "dx holds x^ for a while, and dy is read after that.",
       made([](Recipe& r) { r.memory.dx_is_scratch = true; })},
      {"tail_vector_overruns", 18, textbook,
       "The last vector of a dense y is stored whole where size % 8 = 5.",
       made([](Recipe& r) { r.memory.overruns_tail = true; })},
      {"tail_of_sum_lost", 18, textbook, "The last term of a sum is left out where n % 16 = 13.",
       made([](Recipe& r) { r.normalising.sums.tail_miscounted = true; })},
      {"tail_of_gradient_sum_lost", 18, textbook,
       "The last term of a gradient's sum is left out where n % 16 = 13.",
       made([](Recipe& r) { r.differentiating.sums.tail_miscounted = true; })},
      {"tail_channel_copied", 18, textbook, "The last channel's y is its x where C % 8 = 7.",
       made([](Recipe& r) { r.normalising.last_channel_skipped = true; })},
      {"minds_callers_environment", 18, textbook,
       "Results are rounded as the caller's floating-point environment says.",
       made([](Recipe& r) { r.minds_environment = true; })},
  };
}

std::vector<Fault> thread_faults() {
  return {
      {"race_on_sums", 18, textbook, "With several threads the last one's partial sum is lost.",
       with_sharing(Sharing::last_part_lost)},
      {"race_on_gradient_sums", 18, textbook, "The same in the gradients' sums.",
       with_gradient_sharing(Sharing::last_part_lost)},
      {"thread_remainder_lost", 18, textbook,
       "Each thread sums n / threads values, and nobody what is left over.",
       with_sharing(Sharing::remainder_lost)},
      {"thread_remainder_of_gradient_lost", 18, textbook, "The same in the gradients' sums.",
       with_gradient_sharing(Sharing::remainder_lost)},
      {"order_of_sums_changes", 18, textbook, "Sums run in another order in every other call.",
       made([](Recipe& r) { r.normalising.sums.order_changes = true; })},
  };
}

}  // namespace

std::vector<Fault> memory_faults() {
  std::vector<Fault> all = layout_faults();
  for (auto family : {aliasing_faults, thread_faults}) {
    for (Fault& fault : family()) all.push_back(std::move(fault));
  }
  return all;
}

}  // namespace bncheck::variants
