#pragma once
/// The short way to a Subject: answer one call at a time, each complete in itself. `run_single_calls` carries
/// the state from one call of a case to the next.

#include "core/subject.hpp"
#include "subjects/memory/single_call.hpp"
