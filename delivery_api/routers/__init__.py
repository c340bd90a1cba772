"""One router a file, its request and response models beside it."""

from delivery_api.routers import (
    audit,
    calibrations,
    exams,
    experiments,
    exposure,
    imports,
    item_files,
    publications,
    questions,
    quiz_steps,
    quizzes,
    results,
    runs,
    sittings,
    topics,
)

ROUTERS = (
    quizzes.router,
    quiz_steps.router,
    exams.router,
    item_files.router,
    imports.uploads,
    imports.router,
    questions.router,
    publications.router,
    topics.router,
    results.router,
    exposure.router,
    calibrations.router,
    runs.router,
    experiments.router,
    sittings.router,
    audit.router,
)
