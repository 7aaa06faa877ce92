"""The Run and Help menus."""

from __future__ import annotations

from multimil_gui.app.actions.record import Action, Group, Menu

RUN_ACTIONS = (
    Action(
        "run.integrate",
        "Integration",
        "runs.integrate",
        Menu.RUN,
        Group.START,
        "Learn one latent space from all modalities, with the options in the Run panel.",
        "Ctrl+Shift+I",
        "integrate",
        toolbar=True,
        enabled_when=lambda situation: situation.cohort and situation.idle,
    ),
    Action(
        "run.predict",
        "Phenotype",
        "runs.predict",
        Menu.RUN,
        Group.START,
        "Learn to predict the phenotype of held-out patients and find the cells that drive it.",
        "Ctrl+R",
        "predict",
        toolbar=True,
        enabled_when=lambda situation: situation.target and situation.latent and situation.idle,
    ),
    Action(
        "run.stop_early",
        "Stop early (keep the best)",
        "runs.stop_early",
        Menu.RUN,
        Group.STOP,
        "End the running training now and keep the best model so far.",
        "Ctrl+.",
        "stop",
        enabled_when=lambda situation: situation.stoppable,
    ),
    Action(
        "run.cancel",
        "Cancel (discard)",
        "runs.cancel",
        Menu.RUN,
        Group.STOP,
        "End the running job and leave everything as it was before.",
        "Ctrl+Shift+.",
        "cancel",
        enabled_when=lambda situation: situation.job is not None,
    ),
)

HELP_ACTIONS = (
    Action(
        "help.palette",
        "Find an action…",
        "help.palette",
        Menu.HELP,
        Group.FIND,
        "Type a few letters of any action and press Return.",
        "Ctrl+Shift+P",
        "search",
    ),
    Action(
        "help.shortcuts",
        "Keyboard shortcuts",
        "help.shortcuts",
        Menu.HELP,
        Group.FIND,
        "All keys on one page.",
        "F1",
        "keyboard",
    ),
    Action(
        "help.messages",
        "Messages",
        "help.messages",
        Menu.HELP,
        Group.FIND,
        "Read again what was shown at the bottom right.",
        icon="bell",
    ),
    Action(
        "help.system",
        "System information",
        "help.system_information",
        Menu.HELP,
        Group.ABOUT,
        "Versions, graphics and folders, to copy into a report.",
        icon="info",
    ),
    Action(
        "help.about",
        "About and licences",
        "help.about",
        Menu.HELP,
        Group.ABOUT,
        "Version, authors of the method, and the licences of what is inside.",
        icon="help",
    ),
)
