"""The delivery API: quizzes chosen by what calibration published, answers kept, admin control.

One router a file in ``routers/``, its request and response models beside it. The hot path of a quiz
lives in ``quizzes/``. What never lives here: formulas, a second selection rule, schema changes.
"""
