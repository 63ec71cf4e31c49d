-- Orthanc calls this when a study has not changed for StableAge seconds. In orthanc.json:
--   "LuaScripts" : [ "/opt/cloe/dicom/orthanc/cloe.lua" ], "StableAge" : 60
-- The work goes on behind Orthanc's back: Orthanc runs one such call at a time, and must not wait for a conversion.

local hook = os.getenv('STABLE_STUDY_HOOK') or '/opt/cloe/dicom/orthanc/on-stable-study'

function OnStableStudy(studyId, tags, metadata)
   -- Orthanc's own id: five groups of hexadecimal digits. Anything else does not reach a shell.
   if string.match(studyId, '^[0-9a-f-]+$') then
      os.execute("'" .. hook .. "' " .. studyId .. ' &')
   end
end
