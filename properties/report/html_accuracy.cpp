#include "report/html_accuracy.hpp"

#include <fmt/format.h>

#include "report/accuracy.hpp"
#include "report/console.hpp"
#include "report/embedded_case.hpp"
#include "report/html_charts.hpp"
#include "report/html_page.hpp"
#include "report/markup.hpp"
#include "report/show_case.hpp"

namespace bncheck {
namespace {

std::string case_id(const AccuracyOwner& owner, Pass pass, std::size_t index) {
  return html_id(fmt::format("{}{}-case-{}", owner.prefix, name_of(pass), index + 1));
}

std::string worst_title(Pass pass, const WorstCase& worst) {
  return fmt::format("{}, {}[{}]: {} ulps, ratio {}", name_of(pass), name_of(worst.worst.output),
                     worst.worst.index, show_measure(worst.worst.error.ulps),
                     show_measure(worst.worst.error.ratio));
}

std::string figure(const std::string& caption, const std::string& svg) {
  if (svg.empty()) return "";
  return "<figure>\n" + svg + "<figcaption>" + markup(caption) + "</figcaption>\n</figure>\n";
}

std::string output_charts(const AccuracyOwner& owner, Pass pass, Output output, const OutputErrors& errors,
                          const std::vector<WorstCase>& worst) {
  const std::string what = fmt::format("{}, {}", name_of(pass), name_of(output));
  const std::string id = html_id(fmt::format("{}{}-{}", owner.prefix, name_of(pass), name_of(output)));
  std::vector<LinkedPoint> linked;
  for (std::size_t k = 0; k < worst.size(); ++k) {
    if (worst[k].worst.output != output) continue;
    linked.push_back({worst[k].condition, worst[k].worst.error.ulps, case_id(owner, pass, k),
                      worst_title(pass, worst[k])});
  }
  const std::string charts =
      figure("error in ulps", svg_histogram({id + "-ulps", what + ": error in ulps", "ulps"}, errors.ulps)) +
      figure("error in units of the attainable error; above 1 is unsound",
             svg_histogram({id + "-ratio", what + ": attainable-error ratio", "ratio"}, errors.ratio)) +
      figure("error in ulps against the condition number h (mean |x| + |mean|)",
             svg_scatter({id + "-scatter", what + ": error against condition", "ulps"},
                         errors.scatter.points(), linked));
  return fmt::format(
      "<h4>{}</h4>\n<p class=\"soft\">{}: {} of {} elements nearest, worst {} ulps, ratio {}</p>\n"
      "<div class=\"charts\">\n{}</div>\n",
      markup(name_of(output)), show_class(errors.figures), show_share(errors.figures),
      errors.figures.elements, show_measure(errors.figures.worst_ulps),
      show_measure(errors.figures.worst_ratio), charts);
}

/// Name of the law that compares every forward call, or every gradient, with the exact answer.
const char* judging_law(Pass pass) {
  return pass == Pass::training || pass == Pass::inference ? "matches_oracle" : "backward_matches_oracle";
}

std::string worst_article(const AccuracyOwner& owner, Pass pass, const WorstCase& worst, std::size_t index) {
  const std::string id = case_id(owner, pass, index);
  const Mismatch& at = worst.worst;
  std::string html = fmt::format("<article id=\"{}\">\n<h3>{}</h3>\n", id, markup(worst_title(pass, worst)));
  html += html_facts({{"got", show_number(at.got, at.dtype)},
                      {"nearest to the exact result", show_number(at.expected, at.dtype)},
                      {"ratio, had it folded", show_measure(at.error.folded_ratio)},
                      {"condition number", show_measure(worst.condition)}});
  const auto url = case_url({worst.content, {{"law", judging_law(pass)}, {"subject", owner.subject}}});
  const std::string file = id + ".safetensors";
  if (url) {
    html += fmt::format("<p><a download=\"{0}\" href=\"{1}\">{0}</a></p>\n", file, *url) +
            html_replay(replay_command(file, owner.subject, owner.declared));
  } else {
    html += "<p class=\"soft\">The case is too large to be part of this page.</p>\n";
  }
  return html + html_folded("values", html_pre(show_case(worst.content))) + "</article>\n";
}

}  // namespace

std::string html_class(const ErrorFigures& figures) {
  const auto accuracy = accuracy_class(figures);
  const char* style = !accuracy                             ? "inconclusive"
                      : *accuracy == AccuracyClass::unsound ? "violated"
                      : *accuracy == AccuracyClass::folded  ? "inconclusive"
                                                            : "holds";
  return fmt::format("<span class=\"{}\">{}</span>", style, show_class(figures));
}

std::string html_classes(const std::map<Pass, PassErrors>& accuracy) {
  HtmlTable table{
      "accuracy class of each pass",
      {"pass", "class", "elements", "nearest", "worst ulps", "worst ratio", "beyond float's range"},
      {},
      2};
  for (const auto& [pass, errors] : accuracy) {
    const ErrorFigures figures = errors.total();
    table.html.push_back({markup(name_of(pass)), html_class(figures), std::to_string(figures.elements),
                          show_share(figures), show_measure(figures.worst_ulps),
                          show_measure(figures.worst_ratio), std::to_string(figures.out_of_range)});
  }
  return html_table(table);
}

std::string html_charts(const AccuracyOwner& owner, const std::map<Pass, PassErrors>& accuracy) {
  std::string html;
  for (const auto& [pass, errors] : accuracy) {
    html += fmt::format("<h3>{}</h3>\n", name_of(pass));
    for (const auto& [output, of_output] : errors.outputs) {
      html += output_charts(owner, pass, output, of_output, errors.worst);
    }
  }
  return html;
}

std::string html_worst_cases(const AccuracyOwner& owner, const std::map<Pass, PassErrors>& accuracy) {
  std::string html;
  for (const auto& [pass, errors] : accuracy) {
    for (std::size_t k = 0; k < errors.worst.size(); ++k) {
      html += worst_article(owner, pass, errors.worst[k], k);
    }
  }
  return html;
}

}  // namespace bncheck
