"""Reading the workspace: a thread follows its runs and publishes immutable summaries.

Routes ask for the rest.
"""

from ailab_server.workspace.workspace import Workspace as Workspace
