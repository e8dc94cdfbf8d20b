"""After Effects: a script that builds the composition from ProRes media."""

import json
from pathlib import Path

from vera.layers.export import prores
from vera.layers.export.plate import find_plate
from vera.layers.export.shot import LayerFrames, Shot

STEPS = """\
After Effects: File > Scripts > Run Script File, choose {project}. It makes a composition of the plate's size, rate and
  timecode: the plate below, the layer above it with straight alpha, and the matte, switched off, for use as a luma
  track matte. If it cannot find the plate it asks for it."""

# ExtendScript is ECMAScript 3. `SHOT` is put before it as an object.
_SCRIPT = """\
(function () {
    var here = new File($.fileName).parent;

    // A File decodes what is written as in a URI, so a percent sign in a name is written as its code.
    function find(path) {
        return new File(path.replace(/%/g, "%25"));
    }

    function footage(path, straight, numbered) {
        var file = find(here.fsName + "/" + path);
        if (!file.exists) {
            file = find(path);
        }
        if (!file.exists) {
            file = File.openDialog("Where is " + path + "?");
        }
        if (!file) {
            throw new Error(path + " was not found");
        }
        var options = new ImportOptions(file);
        options.sequence = numbered;
        var item = app.project.importFile(options);
        item.pixelAspect = SHOT.pixelAspect;
        item.mainSource.conformFrameRate = SHOT.rate;
        if (straight && item.mainSource.hasAlpha) {
            item.mainSource.alphaMode = AlphaMode.STRAIGHT;
        }
        return item;
    }

    function lay(comp, item, name, startTime) {
        var layer = comp.layers.add(item);
        layer.name = name;
        layer.startTime = startTime;
        return layer;
    }

    app.beginUndoGroup("Vera layers");
    try {
        var plate = footage(SHOT.plate, false, SHOT.numbered);
        var matte = footage(SHOT.matte, false, false);
        var edit = footage(SHOT.layer, true, false);
        var comp = app.project.items.addComp(
            SHOT.name, SHOT.width, SHOT.height, SHOT.pixelAspect, SHOT.duration, SHOT.rate
        );
        comp.displayStartTime = SHOT.timecode;
        lay(comp, plate, "plate", 0);
        lay(comp, matte, "matte", SHOT.offset).enabled = false;
        lay(comp, edit, "layer", SHOT.offset);
        comp.openInViewer();
    } catch (error) {
        alert("Vera: " + error.message);
    } finally {
        app.endUndoGroup();
    }
}());
"""


def write(shot: Shot, frames: LayerFrames, folder: Path) -> dict[str, str]:
    """Write the movies and NAME.jsx; returns their names."""
    names = prores.write(shot, frames, folder)
    names["project"] = f"{shot.name}.jsx"
    plate = find_plate(shot, folder)
    width, height = shot.size
    values = {
        "name": shot.name,
        "plate": plate.path,
        "numbered": plate.pattern is not None,
        "layer": names["layer"],
        "matte": names["matte"],
        "width": width,
        "height": height,
        "pixelAspect": float(shot.clip.display_aspect),
        "rate": float(shot.rate),
        "duration": float(shot.clip.frame_count / shot.rate),
        "offset": float(shot.first / shot.rate),
        "timecode": float(shot.source_start[0] / shot.rate),
    }
    head = f"// Vera: builds the composition of {shot.name}.\nvar SHOT = {json.dumps(values, indent=4)};\n\n"
    (folder / names["project"]).write_text(head + _SCRIPT, encoding="utf-8")
    return names
